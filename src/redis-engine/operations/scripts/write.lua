-- Adds entries that are not in the log, and outcomes that the entries do not have.
-- Items: { id, begun, has_ended 0 or 1, ended, kept }. Parts: of each item 1 written, 9 retry
-- Writes: ENTRIES, ORDER.
-- @include operations_log, rights
local refused = refused_of({
  { 'HGET', ENTRIES, 'f' }, { 'HSET', ENTRIES, 'f', 'v' }, { 'HDEL', ENTRIES, 'f' },
  { 'ZADD', ORDER, '0', 'm' }, { 'ZRANGE', ORDER, '0', '0' }, { 'ZREM', ORDER, 'm' },
})
if refused then return { 'denied', clock, refused } end

local function next_number()
  local last = redis.call('ZRANGE', ORDER, -1, -1, 'WITHSCORES')
  return last[2] and tonumber(last[2]) + 1 or 1
end

local function write(id, begun, has_ended, ended, kept)
  local packed = redis.call('HGET', ENTRIES, id)
  local entry = packed and { cmsgpack.unpack(packed) }
  if entry and (has_ended == 0 or entry[ENDED_AT] >= 0) then return 1 end
  if late then return 9 end
  if not entry then
    entry = { @LAYOUT@, next_number(), begun, clock, -1, '' }
    redis.call('ZADD', ORDER, string.format('%d', entry[2]), id)
  end
  if has_ended == 1 then entry[ENDED_AT], entry[ENDED] = clock, ended end
  redis.call('HSET', ENTRIES, id, cmsgpack.pack(unpack(entry)))
  for _, old in ipairs(redis.call('ZRANGE', ORDER, 0, -1 - kept)) do
    redis.call('ZREM', ORDER, old)
    redis.call('HDEL', ENTRIES, old)
  end
  return 1
end

local parts = { 'opened', clock, 0 }
for _, item in ipairs(items) do parts[#parts + 1] = write(unpack(item)) end
return parts
