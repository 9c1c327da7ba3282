-- Moves the room on to the present moment.
-- @include lists, room, acl, draw, token_bucket

-- If the user has lost a permission since the room was created, it would end a script between two
-- writes.
local refused = refused_command()
if refused then return { 'denied', now, refused } end

-- Whether the room is tended at this moment, as far as `move_on` knows.
local tended = false

-- Restarts the measurement of the queue's speed.
local function set_speed_samples()
  local called = total('called')
  room.from_at, room.from_called, room.next_at, room.next_called = room.door_time, called, room.door_time, called
end

-- Ends the turns that were not taken in time; returns how many.
local function end_turns(key)
  return redis.call('ZREMRANGEBYSCORE', key, '-inf', number_text(room.door_time))
end

-- Removes what is scored above `before` and up to `last`, FORGET_AT_ONCE at most: the rest does not
-- count, and is removed by later calls.
local function sweep(key, before, last)
  local first = redis.call('ZCOUNT', key, '-inf', before)
  local found = redis.call('ZCOUNT', key, '-inf', last) - first
  if found > 0 then redis.call('ZREMRANGEBYRANK', key, first, first + math.min(found, FORGET_AT_ONCE) - 1) end
end

-- `stock_state` is 1 open, 2 closed, 3 sold_out, 4 ended; 0 before the first reading.
local function move_on()
  draw()
  local elapsed = now - room.last
  local stopped = room.paused == 1 or room.rate == 0
  local fresh = coupled == 0 or (room.stock_at >= 0 and now - room.stock_at <= STOCK_MS and room.stock_state == 1)
  tended = opened and not stopped and fresh
  if opened and not stopped then refill() end
  if opened then room.was_open = 1 end
  local runs = tended or room.was_open == 0
  if runs then
    room.door_time = room.door_time + math.min(elapsed, GAP_MS)
    if elapsed > GAP_MS or room.ran == 0 then
      room.door_time = room.door_time + 1
      room.fresh_from = room.door_time
    end
  end
  room.ran = runs and 1 or 0
  if tended then
    give_tokens(end_turns(TURNS) + end_turns(LONG_TURNS))
    local forgotten = redis.call('ZRANGE', LAST_SEEN, '-inf', number_text(room.door_time - claimMs), 'BYSCORE', 'LIMIT', 0, FORGET_AT_ONCE)
    for last, first in next_piece, forgotten, 0 do
      redis.call('ZREM', LAST_SEEN, unpack(forgotten, first, last))
      redis.call('ZREM', PRESENT, unpack(forgotten, first, last))
    end
  end
  -- Passes that have run out, and those spent before the reading of the stock, which includes the
  -- purchases.
  sweep(PASSES, '(0', number_text(now))
  sweep(PASSES, number_text(-room.stock_at), '(0')
  for index = 0, tier_count - 1 do
    local tier = tiers[index]
    if now - tier.newer_at >= SHOW_MS then
      tier.older_called, tier.older_tail = tier.newer_called, tier.newer_tail
      tier.newer_at, tier.newer_called, tier.newer_tail = now, tier.called, tier.tail
    end
  end
  local called = total('called')
  if called >= total('tail') or not opened then
    set_speed_samples()
  elseif room.door_time - room.next_at >= SPEED_MS then
    room.from_at, room.from_called = room.next_at, room.next_called
    room.next_at, room.next_called = room.door_time, called
  end
  room.last = now
end
