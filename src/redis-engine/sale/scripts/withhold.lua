-- Passes units on to partition 0 while it owes some.
-- Columns: incarnation, deadline, min_time, claims
--   claims: of each item { sku, units, received }
-- Statuses: G withheld: all units of the SKU ever sent to partition 0   T retry
-- Writes: all but RESTOCKS.
-- @include partition, may_write, types, stored_values, stock_moves, event_log, expiry
-- @include stock_transfers, commit
local statuses, details = {}, {}

-- @rarely sweep_all
if is_due() then rare()() end

local function withhold(sku, units, received)
  if late or more_expired or sku >= skuCount then return 'T' end
  local row = counts(sku)
  local before = transferred('r0', sku)
  if before < received then take_in(sku, received - before, 0) end
  if before <= received then
    if units > -row[OWED] then
      row[OWED] = -units
      changed_stock[sku] = true
      emit(WITHHELD, units, sku)
    end
    move_cart({ sku, 0 }, nil, AVAILABLE)
  end
  details[#details + 1] = transferred('s0', sku)
  return 'G'
end

for i, claim in ipairs(call[4]) do statuses[i] = withhold(unpack(claim)) end
change_rows()
return finish(table.concat(statuses), details)
