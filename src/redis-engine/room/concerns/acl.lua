-- A script has no rollback, and these scripts read between their writes: if the user may not run a
-- command in the middle, half of the writes stay. So all commands are checked before. The keys of a
-- room have the same beginning, so one of them stands for each key argument. Returns the command
-- that the user may not run, or nil.
local function refused_command()
  local key = KEYS[1]
  for _, command in ipairs({
    'BITPOS', 'EXISTS', 'GETRANGE', 'HDEL', 'HGET', 'HGETALL', 'HMGET', 'HSET', 'SADD', 'SETBIT',
    'SISMEMBER', 'SMISMEMBER', 'SREM', 'STRLEN', 'ZADD', 'ZCARD', 'ZCOUNT', 'ZRANGE', 'ZRANK', 'ZREM',
    'ZREMRANGEBYRANK', 'ZREMRANGEBYSCORE', 'ZSCORE',
  }) do
    if not redis.acl_check_cmd(command, key, key, key, key) then return command end
  end
end
