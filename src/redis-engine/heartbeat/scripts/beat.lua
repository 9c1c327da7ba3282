-- Notes that processes live.
-- Items: { process, figures, max_figures, max_processes, forgotten_ms, crowded_ms, at_once }
-- Parts: the letters, and of each item the requests that wait for the process
-- Letters: N noted   L too_large   F full   T retry
-- Writes: PROCESSES, SEEN.
-- @include due_requests, heartbeat, requests, time
local refused = refused_of({
  { 'HSET', PROCESSES, 'f', 'v' }, { 'HDEL', PROCESSES, 'f' }, { 'ZSCORE', SEEN, 'm' }, { 'ZCARD', SEEN },
  { 'ZADD', SEEN, '0', 'm' }, { 'ZREM', SEEN, 'm' }, { 'ZRANGE', SEEN, '0', '0' },
  { 'ZRANGEBYSCORE', SEEN, '0', '0' }, { 'HGETALL', REQUESTS },
})
if refused then return { 'denied', clock, refused } end

local function forget(process)
  redis.call('ZREM', SEEN, process)
  redis.call('HDEL', PROCESSES, process)
end

-- Returns whether there is room for one more.
local function make_room(max_processes, crowded_ms)
  if redis.call('ZCARD', SEEN) < max_processes then return true end
  local first = redis.call('ZRANGE', SEEN, 0, 0, 'WITHSCORES')
  if tonumber(first[2]) > clock - crowded_ms then return false end
  forget(first[1])
  return true
end

local function beat(process, figures, max_figures, max_processes, forgotten_ms, crowded_ms, at_once)
  if #figures > max_figures then return 'L' end
  if late then return 'T' end
  local is_new = not redis.call('ZSCORE', SEEN, process)
  if is_new and not make_room(max_processes, crowded_ms) then return 'F' end
  local old = redis.call('ZRANGEBYSCORE', SEEN, '-inf', before(forgotten_ms), 'LIMIT', 0, at_once)
  for _, one in ipairs(old) do forget(one) end
  redis.call('ZADD', SEEN, string.format('%d', clock), process)
  redis.call('HSET', PROCESSES, process, figures)
  return 'N'
end

local letters = {}
for i, item in ipairs(items) do letters[i] = beat(unpack(item)) end
local parts = { 'opened', clock, 0, table.concat(letters) }
for _, item in ipairs(items) do parts[#parts + 1] = due_for(item[1]) end
return parts
