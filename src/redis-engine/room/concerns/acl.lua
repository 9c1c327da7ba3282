-- A script that may not run a command in its middle would leave half of its writes, and these read between their writes: all of it is asked for
-- before. The keys of a room begin alike, and what a command takes for a key is one of them.
-- Answers the command that may not be run, or nil.
local function refused_command()
  local key = KEYS[1]
  for _, command in ipairs({
    'BITPOS', 'EXISTS', 'GETRANGE', 'HDEL', 'HGET', 'HGETALL', 'HMGET', 'HSET', 'SETBIT', 'STRLEN',
    'ZADD', 'ZCARD', 'ZCOUNT', 'ZRANGE', 'ZRANK', 'ZREM', 'ZREMRANGEBYSCORE', 'ZSCORE',
  }) do
    if not redis.acl_check_cmd(command, key, key, key, key) then return command end
  end
end
