-- The beginning of a script that writes nothing. It cannot freeze the partition; it only reports
-- the rollback to the caller.
-- @include time, partition, rollback_detection
if bypass_freeze == 0 and frozen == 0 and not remembers_last_seen() then return { 'rolled_back', clock } end
