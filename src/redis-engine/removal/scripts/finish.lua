-- Notes that incarnations were removed, and forgets some of those that were removed long ago.
-- Items: { incarnation, kind, name, partitions, kept_ms, at_once }. Parts: of each item 1 finished,
--   9 retry
-- Writes: ENTRIES, REMOVED.
-- @include sale_index
local function finish(incarnation, kind, name, partitions, kept_ms, at_once)
  local entry = entry_of(incarnation) or new_entry(kind, name, partitions)
  if entry[STATE] == GONE then return 1 end
  if late then return 9 end
  entry[STATE] = GONE
  save(incarnation, entry)
  redis.call('ZADD', REMOVED, string.format('%d', clock), incarnation)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', REMOVED, '-inf', string.format('%d', clock - kept_ms), 'LIMIT', 0, at_once)) do
    redis.call('ZREM', REMOVED, old)
    redis.call('HDEL', ENTRIES, old)
  end
  return 1
end

local parts = { 'opened', clock, 0 }
for _, item in ipairs(items) do parts[#parts + 1] = finish(unpack(item)) end
return parts
