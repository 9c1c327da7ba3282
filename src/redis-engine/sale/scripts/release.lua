-- Releases holds before they expire.
-- Columns: incarnation, deadline, min_time, references, buyers, [expiries]
--   buyers: '' if none was given; expiries: see each_reservation.lua
-- Statuses, each with its record: R released now   P released, again   A already_confirmed
--   X expired   V moved: as in transferred_records.lua   M not_found   T retry
-- Writes: all but RESTOCKS.
-- @include partition, may_write, types, stored_values, record_changes, each_reservation
-- @include ended_holds
local buyers, expiries = call[5], call[6]
answer_of[IS_RELEASED], answer_of[DUE_RELEASED] = 'P', 'P'

return answer_each(function(record, bucket, i, in_archive)
  if buyers[i] ~= '' and buyers[i] ~= record[BUYER] then return 'M' end
  local answer = answer_of[record[STATE]]
  if answer then return answer end
  if late then return 'T' end
  change(record, bucket, in_archive, IS_RELEASED, RELEASED_EVENT, NONE, HELD, AVAILABLE, nil, expiries and expiries[i])
  return 'R'
end)
