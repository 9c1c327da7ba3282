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
local COUNT_OF = { p = WAITING, d = DEAD }
local known, changed = {}, {} -- groups by name, false for none; names of those to be written

local function group_of(name)
  if known[name] == nil then
    local packed = not of_other_sale and redis.call('HGET', GROUPS, 'g' .. name)
    known[name] = packed and { cmsgpack.unpack(packed) } or false
  end
  return known[name]
end

local function change(name)
  changed[name] = true
end

local function make_group(name, position)
  head[LATEST] = head[LATEST] + 1
  known[name] = { head[LATEST], position, 0, '', 0, 0, 0 }
  change(name)
  return known[name]
end

-- The members of a group's parked (p) or dead (d) events begin with this.
local function prefix_of(group, kind, event_sequence)
  return string.format('%.0f%s%016.0f', group[NUMBER], kind, event_sequence)
end

-- The bounds of such members: those with this sequence only, those beyond `after`, or all of them.
local function only(group, kind, event_sequence)
  return '[' .. prefix_of(group, kind, event_sequence), '(' .. prefix_of(group, kind, event_sequence + 1)
end
local function beyond(group, kind, after)
  return '[' .. prefix_of(group, kind, after + 1), string.format('(%.0f%s:', group[NUMBER], kind)
end
local function all_of(group, kind)
  return beyond(group, kind, -1)
end

local function count_members(group, field, difference)
  group[field] = group[field] + difference
  head[MEMBERS] = head[MEMBERS] + difference
end

-- Takes an event out, whether it is parked or dead.
local function forget_event(group, event_sequence)
  for kind, field in pairs(COUNT_OF) do
    if group[field] > 0 then
      count_members(group, field, -redis.call('ZREMRANGEBYLEX', PARKED, only(group, kind, event_sequence)))
    end
  end
end

local function park_event(group, event_sequence, is_dead, record)
  redis.call('ZADD', PARKED, '0', prefix_of(group, is_dead and 'd' or 'p', event_sequence) .. record)
  count_members(group, is_dead and DEAD or WAITING, 1)
end

-- Whether all that is about to be written may be. A script has no rollback: one that may not run a command in its middle would leave half of
-- its writes. https://redis.io/docs/latest/develop/programmability/lua-api/#redis.acl_check_cmd
local function may_write(parks, trims)
  local asked = { { 'HSET', GROUPS, 'f', 'v' }, { 'HDEL', GROUPS, 'f' } }
  if of_other_sale then asked[#asked + 1] = { 'UNLINK', GROUPS, PARKED } end
  if parks then
    asked[#asked + 1] = { 'ZADD', PARKED, '0', 'm' }
    asked[#asked + 1] = { 'ZREM', PARKED, 'm' }
    asked[#asked + 1] = { 'ZREMRANGEBYLEX', PARKED, '-', '+' }
  end
  if trims then asked[#asked + 1] = { 'XTRIM', EVENTS, 'MINID', '=', '0-0' } end
  for _, command in ipairs(asked) do
    if not redis.acl_check_cmd(unpack(command)) then return false end
  end
  return true
end

-- To be called before the first write: what is left of another sale goes.
local function begin()
  if not of_other_sale then return end
  redis.call('UNLINK', GROUPS, PARKED)
  of_other_sale = false
end

-- Writes the groups that changed, and builds the reply.
local function finish(statuses, details)
  if next(changed) then
    head[WRITTEN_AT] = now
    local written = { 'head', cmsgpack.pack(unpack(head)) }
    for name in pairs(changed) do
      if known[name] then
        written[#written + 1] = 'g' .. name
        written[#written + 1] = cmsgpack.pack(unpack(known[name]))
      else
        redis.call('HDEL', GROUPS, 'g' .. name)
      end
    end
    for first = 1, #written, 4000 do
      redis.call('HSET', GROUPS, unpack(written, first, math.min(first + 3999, #written)))
    end
  end
  local reply = { 'done', now, sequence, table.concat(statuses) }
  for i = 1, #details do reply[4 + i] = details[i] end
  return reply
end
