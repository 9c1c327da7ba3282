-- A server can come back with older data than it acknowledged. See "History" in src/engine/engine.ts.
-- @include partition

-- Whether what the caller has seen is part of this history: the entry that ends there has the same mark.
local function remembers_seen()
  if seen_line < line or seen_sequence == 0 then return seen_line <= line end
  if seen_line > line or seen_sequence > sequence then return false end
  if seen_sequence == sequence then return seen_mark == tip end
  local entry = redis.call('XREVRANGE', EVENTS, string.format('%.0f-0', seen_sequence), '-', 'COUNT', 1)[1]
  return not entry or entry[2][1] == seen_mark
end

local function live()
  return cmsgpack.pack(
    now, sequence, paused, ended, archived, bucketCount, expiryCount, restockCount, line, frozen, tip, transferCount,
    returns, since, ahead)
end

-- What was written beyond this point on the present line is not part of the history that goes on from here.
local function freeze()
  frozen, since = 1, sequence
  redis.call('HSET', META, 'live', live())
end
