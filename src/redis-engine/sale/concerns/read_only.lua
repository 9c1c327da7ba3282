-- A script that writes nothing cannot freeze; it only says what it has seen.
-- @include time, partition, rollback_detection
if recovers == 0 and frozen == 0 and not remembers_seen() then return { 'rolled_back', clock } end
