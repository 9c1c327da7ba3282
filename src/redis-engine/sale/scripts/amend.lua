-- Changes the carts of holds: units that are dropped are free at once, and units that are added are
-- taken, or the hold stays as it is.
-- Columns: incarnation, deadline, min_time, references, buyers, carts, may_take, times
--   buyers: '' if none was given; carts: as ITEMS; may_take: 0 if nothing may be added
--   times: in a recovery the number of this change, else 0
-- Statuses, each with its record: R amended   A already_confirmed   B already_released   X expired
--   G takes
--   V moved: as in transferred_records.lua
--   with other details: L limit_exceeded: as in reserve.lua
--   S sold_out: sku, available, mayReturn 0 or 1, all units that are added, packed
--   N not_started: opensAt   O not_started: sku, opensAt   F ended: sku
--   without details: E ended   Z paused   M not_found   T retry
-- Writes: all but RESTOCKS.
-- @include lists, partition, may_write, types, stored_values, stock_moves, records, record_changes
-- @include limits_and_stock, each_reservation, ended_holds
local refusal = bypass_freeze == 0 and ({ E = 'E', N = 'N', P = 'Z' })[sale_state()]
answer_of[IS_RELEASED], answer_of[DUE_RELEASED] = 'B', 'B'

local function units_by_sku(lines)
  local units = {}
  for i = 1, #lines, 2 do units[lines[i]] = lines[i + 1] end
  return units
end

-- The units that `lines` have beyond these, as lines.
local function beyond(lines, units)
  local more = {}
  for i = 1, #lines, 2 do
    local quantity = lines[i + 1] - (units[lines[i]] or 0)
    if quantity > 0 then
      more[#more + 1] = lines[i]
      more[#more + 1] = quantity
    end
  end
  return more
end

-- Why the buyer cannot have the units that are added; nil if nothing is in the way.
local function why_not(record, bucket, i, lines, own, added)
  if call[7][i] == 0 and not needs_no_pass(added) then return 'G' end
  if refusal then return refusal, { refusal == 'N' and opensAt or nil } end
  load_lines(lines)
  local closed, opens = outside_times(added)
  if closed then return opens and 'O' or 'F', { closed, opens } end
  local sku, limit, taken, index, household = limit_exceeded(lines, bucket, record[BUYER], record[HOUSEHOLD], own)
  if sku == 'retry' then return 'T' end
  if sku then return 'L', limit_details(bucket, record[BUYER], lines, sku, limit, taken, index, household, record[NONCE]) end
  local may_return
  sku, may_return = lacking(added)
  if sku == 'retry' then return 'T' end
  if sku then
    return 'S', { sku, counts(sku)[AVAILABLE], may_return, pack_all(added) }
  end
end

-- Gives a reservation the cart as change `number`. Only a hold has units.
local function amend(record, bucket, i, in_archive, number)
  local lines, before = lines_of(call[6][i]), lines_of(record[ITEMS])
  lines_read = lines_read + (#lines + #before) / 2 / READS_A_MOVE
  local own = units_by_sku(before)
  local added, dropped = beyond(lines, own), beyond(before, units_by_sku(lines))
  if call[8][i] == 0 and #added == 0 and #dropped == 0 then return 'R' end
  -- Another partition may have been told of a new SKU before.
  if late or lines[#lines - 1] >= skuCount then return 'T' end
  local is_held = record[STATE] == IS_HELD
  if is_held and #added > 0 then
    local status, details = why_not(record, bucket, i, lines, own, added)
    if status then return status, details end
  end
  change_cart(record, bucket, in_archive, call[6][i], number, '', AMENDED, record[ITEMS])
  if is_held then
    move_cart(added, AVAILABLE, HELD)
    emit_sold_out(added)
    if #dropped > 0 then returns = returns + 1 end
    move_cart(dropped, HELD, AVAILABLE)
  end
  return 'R'
end

-- @rarely amend
local amends

return answer_each(function(record, bucket, i, in_archive)
  local buyer, number = call[5][i], call[8][i]
  if buyer ~= '' and buyer ~= record[BUYER] then return 'M' end
  local answer = answer_of[record[STATE]]
  if number > 0 and number <= times_changed(record) then return 'R' end
  if answer and (number == 0 or answer == 'A') then return answer end
  amends = amends or rare()
  return amends(record, bucket, i, in_archive, number > 0 and number or times_changed(record) + 1)
end)
