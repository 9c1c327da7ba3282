-- Forgets processes that have ended.
-- Items: processes. Letters: L left   T retry
-- Writes: PROCESSES, SEEN.
-- @include heartbeat, time
local refused = refused_of({ { 'HDEL', PROCESSES, 'f' }, { 'ZREM', SEEN, 'm' }, { 'ZSCORE', SEEN, 'm' } })
if refused then return { 'denied', clock, refused } end

local function leave(process)
  if late and redis.call('ZSCORE', SEEN, process) then return 'T' end
  redis.call('ZREM', SEEN, process)
  redis.call('HDEL', PROCESSES, process)
  return 'L'
end

local letters = {}
for i, process in ipairs(items) do letters[i] = leave(process) end
return { 'opened', clock, 0, table.concat(letters) }
