-- Asked once by each handle: a script has no rollback, so one that may not run a command in its middle would leave
-- half of its writes behind. https://redis.io/docs/latest/develop/programmability/lua-api/#redis.acl_check_cmd
-- Answers the command that may not be run, or nil.
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
