-- The server's clock, and the time that goes by it. See "Time" in src/engine/port.ts.
local seconds = @TIME@
local clock = seconds[1] * 1000 + math.floor(seconds[2] / 1000)

-- Answers the time, by how much it is ahead of the clock as of then, and whether it has begun to be since `last`.
--   floor: the latest time that the caller has seen; last: the latest one stored; ahead: as it was stored with it
local function time_since(last, ahead, floor)
  local elapsed = clock - (last - ahead)
  local passed = math.floor(math.max(elapsed, 0) / 2)
  if math.max(last + passed, floor) <= clock then return clock, 0, false end
  if floor > last + passed then return floor, floor - clock, true end
  if elapsed < 0 then return last, last - clock, true end
  return last + passed, ahead - passed, false
end
