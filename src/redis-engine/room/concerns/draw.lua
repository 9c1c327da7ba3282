-- The draw: at the first change after the opening, the visitors of a random room get their ranks.
-- @include room
local function draw()
  if random == 0 or room.drawn >= 0 or not opened then return end
  room.drawn = room.tail
  -- From now on each visitor has another rank, and has had no time to poll with it.
  room.tail_at, room.newer_at = now, now
  room.older_called, room.older_tail, room.newer_called, room.newer_tail = room.called, 0, room.called, 0
end
