-- Opens the index of a prefix, for its scripts. src/engine/sale-index.ts defines all rules.
-- @include rights, time
local ENTRIES, REMOVED = KEYS[1], KEYS[2]
--   ENTRIES  hash  incarnation -> layout, kind (0 a sale, 1 a room), name, partitions, state (0
--                  live, 1 removing, 2 removed), createdAt, attempt, retains (0 or 1)
--   REMOVED  zset  incarnation -> epoch ms at which it was removed
-- ARGV[1]: msgpack values one after another: incarnation (not used), deadline, min_time, then the
--   items. Reply: opened, now, how far that is ahead of the clock, then the command's parts.
local LIVE, REMOVING, GONE = 0, 1, 2
local PARTITIONS, STATE, ATTEMPT, RETAINS = 4, 5, 7, 8
local _, deadline, _, items = cmsgpack.unpack(ARGV[1])
local late = clock > deadline

local refused = refused_of({
  { 'HGET', ENTRIES, 'f' }, { 'HSET', ENTRIES, 'f', 'v' }, { 'HDEL', ENTRIES, 'f' }, { 'HSCAN', ENTRIES, '0' },
  { 'ZADD', REMOVED, '0', 'm' }, { 'ZRANGEBYSCORE', REMOVED, '0', '0' }, { 'ZREM', REMOVED, 'm' },
})
if refused then return { 'denied', clock, refused } end

local function entry_of(incarnation)
  local packed = redis.call('HGET', ENTRIES, incarnation)
  return packed and { cmsgpack.unpack(packed) }
end

local function new_entry(kind, name, partitions)
  return { @LAYOUT@, kind, name, partitions, LIVE, clock, 0, 0 }
end

local function save(incarnation, entry)
  redis.call('HSET', ENTRIES, incarnation, cmsgpack.pack(unpack(entry)))
end
