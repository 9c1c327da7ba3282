-- Opens what is removed: a partition with its groups, or a room. src/engine/removal.ts defines all
-- rules.
-- @include rights, time
local META = KEYS[1]
--   META  hash  as in sale/concerns/partition.lua. While the partition is sealed, the value of
--               `static` stands in `sealed` in place of it: so every other script finds no sale,
--               and none of them needs to ask. `attempt`: the latest attempt that is known here.
-- ARGV[1]: msgpack values one after another: incarnation (not used), deadline, min_time, then the
--   items. Reply: opened, now, how far that is ahead of the clock, then of each item a letter and
--   the command's parts.
local _, deadline, min_time, items = cmsgpack.unpack(ARGV[1])
local late = clock > deadline

local is_hash = redis.call('TYPE', META).ok == 'hash'
local found = is_hash and redis.call('HMGET', META, 'static', 'live', 'sealed', 'attempt') or {}
local is_sealed = found[3] and not found[1]
local packed = found[1] or found[3]
local static = packed and { cmsgpack.unpack(packed) } or {}
if packed and static[1] ~= @LAYOUT@ then return { 'incompatible', clock, static[1] } end
-- Nothing can be done to a partition that has lost these.
local known = packed and found[2] and static[2]
local live = known and { cmsgpack.unpack(found[2]) }
local attempt = tonumber(found[4] or 0)
