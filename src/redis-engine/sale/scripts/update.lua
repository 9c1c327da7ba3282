-- Puts rules in force.
-- Columns: incarnation, deadline, min_time, updates
--   updates: of each item { revision, after, everywhere, rules, changes, opensAt, closesAt, holdMs,
--     maxHoldMs, longestHoldMs, units, limits, own_by_sku, shared_by_sku, return_skus, shared,
--     highest }
--   after: -1 for any lower revision; everywhere: 0 or 1; rules, changes: JSON; units: this
--     partition's part of each SKU by its index; limits: -1 without a limit; own_by_sku: as OWN;
--     shared_by_sku: as SHARED; return_skus: as RETURNS_TO; shared: as the field of META; highest:
--     sku, limit, sku, limit, ... of those whose highest limit is another
-- Statuses: U updated   P unchanged   O outdated   T retry. Details, but of T: revision
-- Writes: all but RESTOCKS.
-- @include lists, partition, may_write, types, stored_values, stock_moves, event_log, expiry
-- @include commit
local statuses, details = {}, {}
local present = redis.call('HGET', META, 'present')

-- Units of holds that have expired go where the rules say that are in force now.
-- @rarely sweep_all
if is_due() then rare()() end

local function save_rules(shared, highest)
  local static = cmsgpack.pack(@LAYOUT@, incarnation, epoch, opensAt, closesAt, holdMs, maxHoldMs, skuCount, revision, everywhere,
    defaultHoldMs, longestHoldMs)
  changed_rules = { 'static', static, 'present', present, 'highest', highest, 'shared', shared }
end

local function put_in_force(units, limits, own_by_sku, shared_by_sku, return_skus)
  local known = {}
  for sku = 0, skuCount - 1 do known[sku + 1] = sku end
  load_stock(known)
  for i, limit in ipairs(limits) do
    local sku = i - 1
    if not stock[sku] then
      stock[sku] = { units[i], 0, 0, units[i], 0, limit, 0, shared_by_sku[i], own_by_sku[i], return_skus[i] }
      changed_stock[sku] = true
    end
    local rules = { [LIMIT] = limit, [SHARED] = shared_by_sku[i], [OWN] = own_by_sku[i], [RETURNS_TO] = return_skus[i] }
    for at, rule in pairs(rules) do
      if stock[sku][at] ~= rule then
        stock[sku][at] = rule
        changed_stock[sku] = true
      end
    end
  end
  if #limits > skuCount then returns = returns + 1 end
  skuCount = #limits
end

local function update(to, after, is_everywhere, rules, changes, opens, closes, hold, max_hold, longest, units, limits, own_by_sku, shared_by_sku, return_skus, shared, highest)
  local is_new = to > revision and (after == -1 or after == revision)
  if not is_new and (to ~= revision or rules ~= present) then return 'O' end
  local settles = is_everywhere > everywhere
  if (late and (is_new or settles)) or (is_new and more_expired) then return 'T' end
  if is_new then
    revision, everywhere, present = to, is_everywhere, rules
    opensAt, closesAt, defaultHoldMs, maxHoldMs, longestHoldMs = opens, closes, hold, max_hold, longest
    put_in_force(units, limits, own_by_sku, shared_by_sku, return_skus)
    emit(UPDATED, revision, changes)
  end
  if is_new or settles then
    everywhere = is_everywhere
    save_rules(shared, pack_all(highest))
  end
  return is_new and 'U' or 'P'
end

for i, item in ipairs(call[4]) do
  statuses[i] = update(unpack(item))
  if statuses[i] ~= 'T' then details[#details + 1] = revision end
end
return finish(table.concat(statuses), details)
