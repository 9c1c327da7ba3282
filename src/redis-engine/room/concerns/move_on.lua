-- A right that was taken away since the room was made would end a script between two writes.
-- @include lists, room, acl, draw, token_bucket
local refused = refused_command()
if refused then return { 'denied', now, refused } end

-- Moves the room on to the present moment. `stock_state`: 1 open, 2 closed, 3 sold_out, 4 ended; 0 before the first reading.
local tended = false -- and whether it is tended then

local function set_speed_samples()
  room.from_at, room.from_called, room.next_at, room.next_called = room.door, room.called, room.door, room.called
end

local function move_on()
  draw()
  local elapsed = now - room.last
  local stopped = room.paused == 1 or room.rate == 0
  local fresh = coupled == 0 or (room.stock_at >= 0 and now - room.stock_at <= STOCK_MS and room.stock_state == 1)
  tended = opened and not stopped and fresh
  if opened and not stopped then refill() end
  local runs = tended or not opened
  if runs then
    room.door = room.door + math.min(elapsed, GAP_MS)
    if elapsed > GAP_MS or room.ran == 0 then
      room.door = room.door + 1
      room.fresh_from = room.door
    end
  end
  room.ran = runs and 1 or 0
  if tended then
    give_tokens(redis.call('ZREMRANGEBYSCORE', TURNS, '-inf', number_text(room.door)))
    local forgotten = redis.call('ZRANGE', SEEN, '-inf', number_text(room.door - claimMs), 'BYSCORE')
    for last, first in next_piece, forgotten, 0 do
      redis.call('ZREM', SEEN, unpack(forgotten, first, last))
      redis.call('ZREM', DOOR, unpack(forgotten, first, last))
    end
    redis.call('ZREMRANGEBYSCORE', PASSES, 0, number_text(now))
  end
  if now - room.newer_at >= SHOW_MS then
    room.older_called, room.older_tail = room.newer_called, room.newer_tail
    room.newer_at, room.newer_called, room.newer_tail = now, room.called, room.tail
  end
  if room.called >= room.tail or not opened then
    set_speed_samples()
  elseif room.door - room.next_at >= SPEED_MS then
    room.from_at, room.from_called = room.next_at, room.next_called
    room.next_at, room.next_called = room.door, room.called
  end
  room.last = now
end
