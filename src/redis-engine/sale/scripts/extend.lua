-- Gives holds more time, up to maxHoldMs after they were created; never less.
-- Columns: incarnation, deadline, min_time, references, holds, [expiries]
--   holds: ms from now; expiries: when, in place of that; see each_reservation.lua
-- Statuses, each with its record: R extended   A already_confirmed   B already_released
--   X expired   V moved: as in transferred_records.lua   M not_found   T retry
-- Writes: all but STOCK and RESTOCKS.
-- @include partition, may_write, types, stored_values, record_changes, expiry, each_reservation
-- @include ended_holds
local holds, expiries = call[5], call[6]
local longest = bypass_freeze == 1 and math.max(maxHoldMs, longestHoldMs) or maxHoldMs
answer_of[IS_RELEASED], answer_of[DUE_RELEASED] = 'B', 'B'

return answer_each(function(record, bucket, i, in_archive)
  local answer = answer_of[record[STATE]]
  if answer then return answer end
  local created = epoch + record[CREATED]
  local wanted = math.min(expiries and expiries[i] > 0 and expiries[i] or now + holds[i], created + longest)
  if wanted <= expires_at(record) then return 'R' end
  if late then return 'T' end
  record[HOLD], record.packed = wanted - created, nil
  change(record, bucket, in_archive, IS_HELD, EXTENDED, wanted)
  watch_expiry(wanted)
  return 'R'
end)
