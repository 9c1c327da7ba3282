-- Refunds confirmed reservations; their units go back into stock or out of the sale.
-- Columns: incarnation, deadline, min_time, references, restock
--   restock: 1 puts the units back on sale, 0 takes them out
-- Statuses, each with its record: R refunded now   P refunded, again   A not_confirmed
--   V moved: as in moved_records.lua   M not_found   T retry
-- Writes: all but RESTOCKS.
-- @include partition, may_write, types, stored_values, stock_moves, records, record_changes
-- @include each_reservation
local restock = call[5]

return answer_each(function(record, bucket, i, in_archive)
  local state = record[STATE]
  if state == IS_REFUNDED then return 'P' end
  if state ~= IS_CONFIRMED and state ~= IS_CONFIRMED_LATE then return 'A' end
  if late then return 'T' end
  change(record, bucket, in_archive, IS_REFUNDED, REFUNDED_EVENT, restock[i], CONFIRMED, restock[i] == 1 and AVAILABLE)
  if restock[i] == 0 then move_cart(lines_of(record[ITEMS]), TOTAL, nil) end
  return 'R'
end)
