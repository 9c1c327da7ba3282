-- Asked once by each handle, as for a sale: a script that may not run a command in its middle would leave half of its writes.
local function may_write()
  local meta, places, gone, chunks, door, seen, turns, passes, revoked = unpack(KEYS)
  local asked = {
    { 'HSET', meta, 'f', 'v' }, { 'HSET', places, 'f', 'v' }, { 'HDEL', places, 'f' }, { 'HSET', chunks, 'f', 'v' },
    { 'SETBIT', gone, '0', '1' },
  }
  for _, key in ipairs({ door, seen, turns, passes, revoked }) do
    asked[#asked + 1] = { 'ZADD', key, '0', 'm' }
    asked[#asked + 1] = { 'ZREM', key, 'm' }
    asked[#asked + 1] = { 'ZREMRANGEBYSCORE', key, '0', '1' }
  end
  for _, command in ipairs(asked) do
    if not redis.acl_check_cmd(unpack(command)) then return false end
  end
  return true
end
