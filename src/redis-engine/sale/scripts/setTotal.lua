-- Sets totals of the whole sale: what stock counts found.
-- Columns: incarnation, deadline, min_time, counts
--   counts: of each item { sku, total, key, counted at (-1: now), basis (0 none, 1 others, 2 others
--     and own), others, own, final, restored, difference, applied, owed }
--   restored: 1 in a recovery, and then the three values after it are what the count did
-- Statuses: S set, P replayed: difference, applied, owed, counted at, complete 0 or 1
--   O superseded: owed   U uncounted: own, owed   C conflict   T retry
-- Writes: all.
-- @include partition, may_write, types, stored_values, stock_moves, event_log, expiry, remembered
-- @include commit
local statuses, details = {}, {}

-- @rarely sweep_all
if is_due() then rare()() end

local function save_count(count)
  remember('t' .. count.key, count.sku, count.total, count.at, count.difference, count.before, count.applied, count.owed, count.complete)
end

local function find_count(key)
  local found = recall('t' .. key)
  if not found then return nil end
  local sku, total, at, difference, before, applied, owed, complete = cmsgpack.unpack(found)
  return { key = key, sku = sku, total = total, at = at, difference = difference, before = before, applied = applied, owed = owed, complete = complete }
end

local function announce(count)
  emit(TOTAL_SET, count.applied, cmsgpack.pack(count.sku, count.total, count.key, count.at, count.difference, count.owed))
end

-- Records what a count has changed until now.
local function complete(count)
  count.owed = counts(count.sku)[OWED]
  count.applied = count.difference + count.owed - count.before
  count.complete = 1
  save_count(count)
  announce(count)
end

-- Shifts the target of a SKU, total - owed; returns by how much the total has changed.
local function shift(sku, difference)
  local row = counts(sku)
  local applied = difference > 0 and math.max(0, difference - row[OWED]) or math.max(difference, -row[AVAILABLE])
  row[OWED] = row[OWED] + applied - difference
  move(sku, nil, TOTAL, applied)
  row[AVAILABLE] = row[AVAILABLE] + applied
  emit(COUNTED, difference, sku)
  if applied > 0 then returns = returns + 1 end
  if applied < 0 and row[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, sku) end
  return applied
end

local function tell(status, count)
  for _, value in ipairs({ count.difference, count.applied, count.owed, count.at, count.complete }) do
    details[#details + 1] = value
  end
  return status
end

local function set_total(sku, total, key, at, basis, others, own, final, restored, difference, applied, owed)
  local known = find_count(key)
  if known then
    if known.sku ~= sku or known.total ~= total or (at >= 0 and at ~= known.at) then return 'C' end
    if known.complete == 0 and final == 1 then
      if late or more_expired then return 'T' end
      complete(known)
    end
    return tell('P', known)
  end
  if late or more_expired or sku >= skuCount then return 'T' end
  if at < 0 then at = now end
  local row = counts(sku)
  local last = recall('n' .. sku)
  local last_at, last_key
  if last then last_at, last_key = cmsgpack.unpack(last) end
  if restored == 0 then
    if last and at < last_at then
      details[#details + 1] = row[OWED]
      return 'O'
    end
    local target = row[TOTAL] - row[OWED]
    if basis == 0 or (basis == 2 and own ~= target) then
      details[#details + 1] = target
      details[#details + 1] = row[OWED]
      return 'U'
    end
    difference = total - target - others
  end
  local newest = last and find_count(last_key)
  if newest and newest.complete == 0 then complete(newest) end
  local count = { key = key, sku = sku, total = total, at = at, difference = difference, before = row[OWED], complete = 1 }
  count.applied = shift(sku, difference)
  count.owed = row[OWED]
  if restored == 1 then count.applied, count.owed = applied, owed else count.complete = final end
  save_count(count)
  if not last or at >= last_at then remember('n' .. sku, at, key) end
  if count.complete == 1 then announce(count) end
  return tell('S', count)
end

for i, one in ipairs(call[4]) do statuses[i] = set_total(unpack(one)) end
return finish(table.concat(statuses), details)
