-- What a script that writes nothing begins with. It cannot freeze the partition; it only tells the
-- caller of the rollback.
-- @include time, partition, rollback_detection
if bypass_freeze == 0 and frozen == 0 and not remembers_last_seen() then return { 'rolled_back', clock } end
