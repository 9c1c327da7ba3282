-- The server's clock, and the time derived from it. See "Time" in src/engine/port.ts.
local seconds = @TIME@
local clock = seconds[1] * 1000 + math.floor(seconds[2] / 1000)

-- Returns the time, how far it is ahead of the clock, and whether it has begun to be ahead since
-- `last`.
--   min_time: the latest time that the caller has seen
--   last: the latest time that was stored; ahead: how far that was ahead of the clock
local function time_since(last, ahead, min_time)
  local elapsed = clock - (last - ahead)
  local passed = math.floor(math.max(elapsed, 0) / 2)
  if math.max(last + passed, min_time) <= clock then return clock, 0, false end
  if min_time > last + passed then return min_time, min_time - clock, true end
  if elapsed < 0 then return last, last - clock, true end
  return last + passed, ahead - passed, false
end
