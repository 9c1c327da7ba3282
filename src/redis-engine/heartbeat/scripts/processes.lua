-- Parts: processes with the times at which they were seen, as pairs, and the figures of each
-- Writes: nothing.
-- @include heartbeat, time
local seen = redis.call('ZREVRANGE', SEEN, 0, -1, 'WITHSCORES')
local figures = {}
for i = 1, #seen, 2 do figures[#figures + 1] = redis.call('HGET', PROCESSES, seen[i]) or '' end
return { 'opened', clock, 0, seen, figures }
