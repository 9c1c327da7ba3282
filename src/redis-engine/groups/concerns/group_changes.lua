-- Changes of groups, and their commit.
-- @include lists, consumer_groups

local changed = {} -- names of those to be written

local function change(name)
  changed[name] = true
end

local function make_group(name, position)
  head[LATEST] = head[LATEST] + 1
  known[name] = { head[LATEST], position, 0, '', 0, 0, 0 }
  change(name)
  return known[name]
end

-- A script has no rollback: if the user may not run a command in its middle, half of its writes
-- stay. So the script first checks each command that is about to write.
-- https://redis.io/docs/latest/develop/programmability/lua-api/#redis.acl_check_cmd Returns the
-- command that the user may not run, or nil.
local function refused_command(parks, trims)
  local asked = { { 'HSET', GROUPS, 'f', 'v' }, { 'HDEL', GROUPS, 'f' } }
  if of_other_sale then asked[#asked + 1] = { 'UNLINK', GROUPS, PARKED } end
  if parks then
    asked[#asked + 1] = { 'ZADD', PARKED, '0', 'm' }
    asked[#asked + 1] = { 'ZREM', PARKED, 'm' }
    asked[#asked + 1] = { 'ZREMRANGEBYLEX', PARKED, '-', '+' }
  end
  if trims then asked[#asked + 1] = { 'XTRIM', EVENTS, 'MINID', '=', '0-0' } end
  for _, command in ipairs(asked) do
    if not redis.acl_check_cmd(unpack(command)) then return command[1] end
  end
end

-- To be called before the first write: removes the remains of another sale.
local function begin()
  if not of_other_sale then return end
  redis.call('UNLINK', GROUPS, PARKED)
  of_other_sale = false
end

-- Writes the groups that changed, and builds the reply.
local function finish(statuses, details)
  if next(changed) or (set_back and packed_head and not of_other_sale) then
    head[WRITTEN_AT], head[AHEAD] = now, ahead
    local written = { 'head', cmsgpack.pack(unpack(head)) }
    for name in pairs(changed) do
      if known[name] then
        written[#written + 1] = 'g' .. name
        written[#written + 1] = cmsgpack.pack(unpack(known[name]))
      else
        redis.call('HDEL', GROUPS, 'g' .. name)
      end
    end
    for last, first in next_piece, written, 0 do redis.call('HSET', GROUPS, unpack(written, first, last)) end
  end
  return reply(statuses, details)
end
