-- What every script that may write begins with, behind the opening.
-- @include time, partition, rollback_detection
if recovers == 0 then
  if frozen == 0 and not remembers_seen() then freeze() end
  if frozen == 1 then return { 'rolled_back', clock } end
end

local late = clock > deadline
