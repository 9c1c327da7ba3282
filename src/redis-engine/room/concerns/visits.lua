-- Ends visits.
-- @include room, token_bucket, visitors

-- The number was given up in its tier.
local function depart(number)
  room.departed_version = room.departed_version + 1
  redis.call('SETBIT', departed_key(math.floor(number / TIER)), number_text(number % TIER), 1)
  redis.call('HSET', DEPARTED_CHUNKS, number_text(math.floor(number / CHUNK)), number_text(room.departed_version))
end

-- The number of a visitor who waits.
local function give_up(number)
  local tier = tier_of(number)
  tier.waiting = tier.waiting - 1
  depart(number)
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
  if visitor[PASS_EXPIRY] == 0 then give_up(visitor[NUMBER]) end
  revoke_pass(buyer, visitor)
end
