-- Moves available units from one SKU to another, once for each key.
-- Columns: incarnation, deadline, min_time, moves
--   moves: of each item { from, to, quantity, key, final, at most }
--   final: 0 if other partitions may have the units lacking here
-- Statuses: R moved: applied   P replayed: applied   K lacking: available   C conflict   T retry
-- Writes: all.
-- @include partition, may_write, types, stored_values, stock_moves, event_log, expiry, remembered
-- @include commit
local statuses, details = {}, {}

-- @rarely sweep_all
if is_due() then rare()() end

local function move_units(from, to, quantity, key, final, at_most)
  local known = recall('m' .. key)
  if known then
    local known_from, known_to, known_quantity, applied = cmsgpack.unpack(known)
    if known_from ~= from or known_to ~= to or known_quantity ~= quantity then return 'C' end
    return 'P', applied
  end
  if late or more_expired or math.max(from, to) >= skuCount then return 'T' end
  local available = counts(from)[AVAILABLE]
  if final == 0 and available < quantity then return 'K', available end
  local applied = math.min(available, at_most)
  emit(MOVED, applied, cmsgpack.pack(from, to, quantity, key))
  if applied > 0 then
    returns = returns + 1
    move(from, AVAILABLE, nil, applied)
    move(from, TOTAL, nil, applied)
    if counts(from)[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, from) end
    move(to, nil, TOTAL, applied)
    move_cart({ to, applied }, nil, AVAILABLE)
  end
  remember('m' .. key, from, to, quantity, applied)
  return 'R', applied
end

for i, one in ipairs(call[4]) do
  statuses[i], details[#details + 1] = move_units(unpack(one))
end
return finish(table.concat(statuses), details)
