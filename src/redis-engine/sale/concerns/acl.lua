-- Each handle checks once. A script has no rollback: if the user may not run a command in its
-- middle, half of its writes stay.
-- https://redis.io/docs/latest/develop/programmability/lua-api/#redis.acl_check_cmd Returns the
-- command that the user may not run, or nil.
local function refused_command()
  local meta, stock, buckets, expiry, events, archive, restocks, transfers = unpack(KEYS)
  for _, command in ipairs({
    { 'HSET', meta, 'f', 'v' }, { 'HSET', stock, 'f', 'v' }, { 'HSET', buckets, 'f', 'v' },
    { 'HSET', archive, 'f', 'v' }, { 'HSET', restocks, 'f', 'v' },
    { 'HSET', transfers, 'f', 'v' },
    { 'ZADD', expiry, '0', 'm' }, { 'ZREM', expiry, 'm' }, { 'XADD', events, '*', 'f', 'v' },
  }) do
    if not redis.acl_check_cmd(unpack(command)) then return command[1] end
  end
end
