-- Shared head of every script of the groups that follow a partition's events. What the words mean, and every rule, stands in
-- src/engine/handoff.ts.
--
-- KEYS, the same for every script:
local META, EVENTS, EXPIRY, GROUPS, PARKED = unpack(KEYS)
--   META, EVENTS, EXPIRY   the sale's, see ../../scripts/_partition.lua; only EVENTS is ever written to here, and only trimmed
--   GROUPS    hash    head: token and epoch of the sale, the latest group's number, how many members PARKED has, the time of
--                     the latest change; g<name>: the group's number, position, epoch (0: nobody has claimed it), consumer, until, how many
--                     events it has parked, how many dead
--   PARKED    zset    <number of the group><p parked, or d dead><sequence, 16 digits><attempts, retryAt (-1 for none), event and error>,
--                     all with score 0 and so in the order of their bytes
-- ARGV[1]: msgpack values one after another: token, deadline, floor, then the command's own columns.
-- Reply: outcome, now, sequence, statuses (one character an item), then details in order of the items.
local call = { cmsgpack.unpack(ARGV[1]) }
local deadline = call[2]

local time = @TIME@
local now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), call[3])

-- Asked before anything is read: a command on a key of another type would end the script, perhaps in the middle.
local function is_kind(key, kind)
  local found = redis.call('TYPE', key).ok
  return found == kind or found == 'none'
end
if not (is_kind(META, 'hash') and is_kind(EVENTS, 'stream') and is_kind(EXPIRY, 'zset') and is_kind(GROUPS, 'hash')
  and is_kind(PARKED, 'zset')) then return { 'lost', now } end

local opened = redis.call('HMGET', META, 'static', 'live')
if not (opened[1] and opened[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', now }
end
local token, sale_epoch = cmsgpack.unpack(opened[1])
local last_now, sequence = cmsgpack.unpack(opened[2])
if token ~= call[1] or (redis.call('XLEN', EVENTS) > 0) ~= (sequence > 0) then return { 'lost', now } end

-- A rebuilt sale keeps its token, but not its epoch. What is here of the one before is as good as gone: its sequences meant other events.
local packed_head = redis.call('HGET', GROUPS, 'head')
local head = packed_head and { cmsgpack.unpack(packed_head) }
local of_other_sale = packed_head and (head[1] ~= token or head[2] ~= sale_epoch)
local LATEST, MEMBERS, WRITTEN_AT = 3, 4, 5
if of_other_sale or not head then head = { token, sale_epoch, 0, 0, 0 } end
if not of_other_sale and (
  (redis.call('EXISTS', GROUPS) > 0) ~= (packed_head ~= false) or redis.call('ZCARD', PARKED) ~= head[MEMBERS]
) then return { 'lost', now } end

now = math.max(now, last_now, head[WRITTEN_AT])
local late = now > deadline

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
  local values = { 'done', now, sequence, table.concat(statuses) }
  for i = 1, #details do values[4 + i] = details[i] end
  return values
end
