-- Ends visits.
-- @include room, token_bucket, visitors

-- The number was given up in the queue.
local function depart(number)
  room.departed_version = room.departed_version + 1
  redis.call('SETBIT', DEPARTED, number_text(number), 1)
  redis.call('HSET', DEPARTED_CHUNKS, number_text(math.floor(number / CHUNK)), number_text(room.departed_version))
end

local function revoke_pass(buyer, visitor)
  if not has_pass(visitor) then return end
  redis.call('ZREMRANGEBYSCORE', REVOKED, '-inf', number_text(now - passMs))
  redis.call('ZADD', REVOKED, number_text(now), cmsgpack.pack(buyer, visitor[VISIT_ID]))
end

-- Ends a visit, with its number, turn and pass.
local function end_visit(buyer, visitor)
  local number = number_text(visitor[NUMBER])
  redis.call('HDEL', VISITORS, buyer)
  redis.call('ZREM', PRESENT, number)
  redis.call('ZREM', LAST_SEEN, number)
  if end_turn(number) then give_tokens(1) end
  redis.call('ZREM', PASSES, number)
  if visitor[PASS_EXPIRY] == 0 then
    room.waiting = room.waiting - 1
    depart(visitor[NUMBER])
  end
  revoke_pass(buyer, visitor)
end
