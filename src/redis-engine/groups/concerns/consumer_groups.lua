-- Opens the consumer groups of a partition, for every script. src/engine/groups.ts defines the
-- terms and all rules.
-- @include time

-- The same keys for every script:
local META, EVENTS, EXPIRY, GROUPS, PARKED = unpack(KEYS)
--   META, EVENTS, EXPIRY   the sale's, see sale/concerns/partition.lua; of them these scripts only
--                          write to EVENTS, and only trim it
--   GROUPS    hash    head: layout, incarnation and epoch of the sale, number of the latest group,
--                     members of PARKED, time of the latest change, how far that is ahead of the
--                     clock
--                     g<name>: number of the group, position, epoch (0: no consumer has claimed
--                     it), consumer, until, its parked events, its dead events
--   PARKED    zset    <number of the group><p parked, or d dead><sequence, 16 digits><attempts,
--                     retryAt (-1 for none), event and error>, all with score 0, so in the order of
--                     their bytes
-- ARGV[1]: msgpack values one after another: incarnation, deadline, min_time, then the command's
--   own columns.
-- Reply: outcome, now, sequence, statuses (one character an item), how far `now` is ahead of the
--   clock, then details in order of the items.
local call = { cmsgpack.unpack(ARGV[1]) }
local deadline = call[2]

-- Checked before anything is read: a command on a key of another type would end the script, perhaps
-- in the middle.
local function is_kind(key, kind)
  local found = redis.call('TYPE', key).ok
  return found == kind or found == 'none'
end
if not (is_kind(META, 'hash') and is_kind(EVENTS, 'stream') and is_kind(EXPIRY, 'zset') and is_kind(GROUPS, 'hash')
  and is_kind(PARKED, 'zset')) then return { 'lost', clock } end

local opened = redis.call('HMGET', META, 'static', 'live')
if not (opened[1] and opened[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', clock }
end
local layout, incarnation, sale_epoch, _, _, _, _, _, _, _, _, longest_hold = cmsgpack.unpack(opened[1])
-- See sale/concerns/partition.lua. The groups have a layout of their own.
if layout ~= @LAYOUT@ then return { 'incompatible', clock, layout } end
local live = { cmsgpack.unpack(opened[2]) }
local sale_now, sequence, sale_ahead = live[1], live[2], live[15]
if incarnation ~= call[1] or (redis.call('XLEN', EVENTS) > 0) ~= (sequence > 0) then return { 'lost', clock } end

-- A rebuilt sale keeps its incarnation, but not its epoch. The groups of the previous sale are of
-- no use: their sequences meant other events.
local packed_head = redis.call('HGET', GROUPS, 'head')
local head = packed_head and { cmsgpack.unpack(packed_head) }
if head and head[1] ~= @LAYOUT@ then return { 'incompatible', clock, head[1], 'groups' } end
local of_other_sale = packed_head and (head[2] ~= incarnation or head[3] ~= sale_epoch)
local LATEST, MEMBERS, WRITTEN_AT, AHEAD = 4, 5, 6, 7
if of_other_sale or not head then head = { @LAYOUT@, incarnation, sale_epoch, 0, 0, 0, 0 } end
if not of_other_sale and (
  (redis.call('EXISTS', GROUPS) > 0) ~= (packed_head ~= false) or redis.call('ZCARD', PARKED) ~= head[MEMBERS]
) then return { 'lost', clock } end

local now, ahead, set_back = time_since(head[WRITTEN_AT], head[AHEAD], (time_since(sale_now, sale_ahead, call[3])))
local late = clock > deadline

local NUMBER, POSITION, EPOCH, CONSUMER, UNTIL, WAITING, DEAD = 1, 2, 3, 4, 5, 6, 7
local known = {} -- groups by name, false for none

local function group_of(name)
  if known[name] == nil then
    local packed = not of_other_sale and redis.call('HGET', GROUPS, 'g' .. name)
    known[name] = packed and { cmsgpack.unpack(packed) } or false
  end
  return known[name]
end

local function reply(statuses, details)
  local values = { 'done', now, sequence, table.concat(statuses), now - clock }
  for i = 1, #details do values[5 + i] = details[i] end
  return values
end
