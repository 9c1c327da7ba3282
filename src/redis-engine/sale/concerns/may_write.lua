-- The beginning of a script that may write: after a rollback it freezes the partition, and a frozen
-- partition gives no other answer.
-- @include time, partition, rollback_detection
if bypass_freeze == 0 then
  if frozen == 0 and not remembers_last_seen() then freeze() end
  if frozen == 1 then return { 'rolled_back', clock } end
end

local late = clock > deadline
