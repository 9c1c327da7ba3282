-- The token bucket: a token gives a visitor a turn. TOKEN units are a token, and `rate` units come
-- in a ms.
-- @include room

-- Adds what has come since the room was moved on last, and not before it opened.
local function refill()
  local gaining = now - math.max(room.last, opensAt)
  room.tokens = math.min(room.burst * TOKEN, room.tokens + gaining * room.rate)
end

-- Turns that were not taken give their tokens back.
local function give_tokens(count)
  room.tokens = math.min(room.burst * TOKEN, room.tokens + count * TOKEN)
end
