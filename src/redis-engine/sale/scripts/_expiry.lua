-- When holds lapse, and what this call has swept: lapsed holds are given back before anybody is refused for want of them, a bounded
-- number in one call.
local SWEEP_AT_ONCE = 512 -- tuning: holds looked at in one call, some 5 ms of the server's time
local budget, more_lapsed = SWEEP_AT_ONCE, true
local swept, watched = {}, {}
-- Set when the events that name the holds are gone: then nothing may be decided, see _commit.lua.
local history_lost = false

-- Whether a hold may have lapsed that nobody has swept: mostly none has, and then what sweeps need not be made, see _sweeping.lua.
local function is_due()
  more_lapsed = #redis.call('ZRANGE', EXPIRY, '-inf', string.format('%.0f', now), 'BYSCORE', 'LIMIT', 0, 1) > 0
  return more_lapsed
end

-- Holds that this call writes events of lapse at this time.
local function watch_expiry(at)
  watched[at] = true
end

local function save_expiry()
  expiryCount = expiryCount - #swept
  for last, first in next_piece, swept, 0 do redis.call('ZREM', EXPIRY, unpack(swept, first, last)) end
  for at in pairs(watched) do
    local expiry = string.format('%.0f', at)
    redis.call('ZADD', EXPIRY, expiry, string.format('%.0f/', sequence + 1) .. expiry)
    expiryCount = expiryCount + 1
  end
end
