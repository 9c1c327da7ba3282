-- Ends visits.
-- @include room, token_bucket, visitors

-- Ends a visit, with its number, turn and pass.
local function end_visit(buyer, visitor)
  local number = number_text(visitor[NUMBER])
  redis.call('HDEL', VISITORS, buyer)
  redis.call('ZREM', PRESENT, number)
  redis.call('ZREM', LAST_SEEN, number)
  if end_turn(number) then give_tokens(1) end
  redis.call('ZREM', PASSES, number)
  if has_pass(visitor) then
    redis.call('ZREMRANGEBYSCORE', REVOKED, '-inf', number_text(now - passMs))
    redis.call('ZADD', REVOKED, number_text(now), cmsgpack.pack(buyer, visitor[VISIT_ID]))
  elseif visitor[PASS_EXPIRY] == 0 then
    room.waiting = room.waiting - 1
    room.departed_version = room.departed_version + 1
    redis.call('SETBIT', DEPARTED, number, 1)
    redis.call('HSET', DEPARTED_CHUNKS, number_text(math.floor(visitor[NUMBER] / CHUNK)), number_text(room.departed_version))
  end
end
