-- Refunds confirmed reservations, or parts of them; their units go back into stock or out of the
-- sale.
-- Columns: incarnation, deadline, min_time, references, restock, parts, keys
--   restock: 1 puts the units back on sale, 0 takes them out
--   parts: as ITEMS, '' for all that is left; keys: '' if none was given, and then there is no part
-- Statuses, each with its record: R refunded now   P refunded, again   A not_confirmed
--   X exceeds_order   C conflict
--   V moved: as in transferred_records.lua   M not_found   T retry
-- Writes: all but RESTOCKS.
-- @include partition, may_write, types, stored_values, stock_moves, records, record_changes
-- @include keyed_refunds, each_reservation
local restock, parts, keys = call[5], call[6], call[7]
-- @rarely refund_by_key
local by_key

return answer_each(function(record, bucket, i, in_archive)
  if keys[i] ~= '' then
    by_key = by_key or rare()
    return by_key(record, bucket, in_archive, restock[i], parts[i], keys[i])
  end
  local state = record[STATE]
  if state == IS_REFUNDED then return 'P' end
  if state ~= IS_CONFIRMED and state ~= IS_CONFIRMED_LATE then return 'A' end
  if late then return 'T' end
  change(record, bucket, in_archive, IS_REFUNDED, REFUNDED_EVENT, restock[i], CONFIRMED, restock[i] == 1 and AVAILABLE)
  if restock[i] == 0 then move_cart(lines_of(record[ITEMS]), TOTAL, nil) end
  return 'R'
end)
