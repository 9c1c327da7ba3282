-- The token bucket: a token gives a visitor a turn. TOKEN units are a token, and `rate` units are
-- added in a ms.
-- @include room

-- Adds the units gained since the room was last moved on, and not before it opened.
local function refill()
  local gaining = now - math.max(room.last, opensAt)
  room.tokens = math.min(room.burst * TOKEN, room.tokens + gaining * room.rate)
end

-- Puts back the tokens of turns that were not taken.
local function give_tokens(count)
  room.tokens = math.min(room.burst * TOKEN, room.tokens + count * TOKEN)
end
