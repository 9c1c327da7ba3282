-- The token bucket: a token lets a visitor in. TOKEN units are a token, and `rate` units come in a ms.
-- @include room

-- What has come since the room was moved on last, and not before it opened.
local function refill()
  local gaining = now - math.max(room.last, opensAt)
  room.tokens = math.min(room.burst * TOKEN, room.tokens + gaining * room.rate)
end

local function give_tokens(count)
  room.tokens = math.min(room.burst * TOKEN, room.tokens + count * TOKEN)
end
