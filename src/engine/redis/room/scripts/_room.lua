-- Shared head of every script of a waiting room but create and describe: opens the room, moves it on, commits. What the words mean,
-- and every rule, stands in src/engine/room.ts.
--
-- KEYS, the same for every script:
local META, PLACES, GONE, CHUNKS, DOOR, SEEN, TURNS, PASSES, REVOKED = unpack(KEYS)
--   META     hash    rules: JSON; static: token, claimMs, passMs, opensAt, random, coupled, overcommit, seed, commitment (opensAt -1
--                    for none; random, coupled 0 or 1); live: the values named below, then the notes as pairs
--   PLACES   hash    buyer -> number, and where they differ from "number, no pass, stay = number": expiry of the pass or 0, stay
--   GONE     string  bit n: place n was given up while waiting
--   CHUNKS   hash    n / 65536 -> the version at which that part of GONE changed last
--   DOOR     zset    number -> rank, of those who have come and wait for a token
--   SEEN     zset    number -> door time of the last visit
--   TURNS    zset    number -> door time until which the turn is waited for
--   PASSES   zset    number -> epoch ms at which the pass expires; spent ones: minus the epoch ms at which they were spent
--   REVOKED  zset    buyer and stay packed -> epoch ms of the revocation
-- ARGV[1]: msgpack values one after another: token, deadline, floor, then the command's own columns.
-- Reply: outcome, now, sequence, then the command's own parts.
local TOKEN, SHOW_MS, PRESENT_MS, STOCK_MS, GAP_MS, SPEED_MS = 1000000, 2000, 3000, 1000, 2000, 10000
local CHUNK = 65536

local call = { cmsgpack.unpack(ARGV[1]) }
local deadline = call[2]
local time = @TIME@
local now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), call[3])

local opened_room = redis.call('HMGET', META, 'static', 'live')
if not (opened_room[1] and opened_room[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', now }
end
local token, claimMs, passMs, opensAt, random, coupled, overcommit, seed = cmsgpack.unpack(opened_room[1])

-- The values of `live`, in their order. clock: the time of the latest change; last: up to when the room was moved on; keys: how many of KEYS there are; places: how many buyers have one.
local NAMES = {
  'clock', 'last', 'sequence', 'keys', 'door', 'fresh_from', 'ran', 'tokens', 'rate', 'burst', 'paused',
  'tail', 'tail_at', 'called', 'called_at', 'drawn', 'gone_version', 'waiting', 'admitted', 'missed',
  'stock_at', 'stock_state', 'stock_available',
  'older_called', 'older_tail', 'newer_at', 'newer_called', 'newer_tail',
  'from_at', 'from_called', 'next_at', 'next_called',
}
local room, notes = {}, {}
do
  local values = { cmsgpack.unpack(opened_room[2]) }
  for i = 1, #NAMES do room[NAMES[i]] = values[i] end
  for i = #NAMES + 1, #values do notes[#notes + 1] = values[i] end
end
if token ~= call[1] or redis.call('EXISTS', unpack(KEYS)) ~= room.keys then return { 'lost', now } end
now = math.max(now, room.clock)
local late = now > deadline
local opened = opensAt < 0 or now >= opensAt
-- As the numbers of `stock_state` mean: 1 open, 2 closed, 3 sold_out, 4 ended; 0 before the first reading.
local tended = false

local function number_text(number) return string.format('%.0f', number) end

local function give_tokens(count)
  room.tokens = math.min(room.burst * TOKEN, room.tokens + count * TOKEN)
end

local function near()
  local speed = math.floor(((room.called - room.from_called) * 1000000 + room.rate * 5000) / (room.door - room.from_at + 5000))
  return math.max(64, room.burst + math.floor(8 * math.min(speed, 4 * room.rate) / 1000)), speed
end

-- `called` of the latest note that is old enough; forgets those before it.
local function passed()
  local at = 0
  for i = 1, #notes, 2 do
    if room.door - notes[i] < claimMs then break end
    at = i
  end
  if at == 0 then return 0 end
  if at > 1 then
    local kept = {}
    for i = at, #notes do kept[#kept + 1] = notes[i] end
    notes = kept
  end
  return notes[2]
end

local function draw()
  if random == 0 or room.drawn >= 0 or not opened then return end
  room.drawn = room.tail
  -- From now on everybody has another rank: nobody has had time to come with it.
  room.tail_at, room.newer_at = now, now
  room.older_called, room.older_tail, room.newer_called, room.newer_tail = room.called, 0, room.called, 0
end

local function set_speed_samples()
  room.from_at, room.from_called, room.next_at, room.next_called = room.door, room.called, room.door, room.called
end

local function move_on()
  draw()
  local elapsed = now - room.last
  local stopped = room.paused == 1 or room.rate == 0
  local fresh = coupled == 0 or (room.stock_at >= 0 and now - room.stock_at <= STOCK_MS and room.stock_state == 1)
  tended = opened and not stopped and fresh
  if opened and not stopped then
    local gaining = now - math.max(room.last, opensAt)
    room.tokens = math.min(room.burst * TOKEN, room.tokens + gaining * room.rate)
  end
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
    for first = 1, #forgotten, 4000 do
      local last = math.min(first + 3999, #forgotten)
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

-- A buyer's place as number, expiry of the pass (0 for none), stay; nil for none.
local function read_place(packed)
  if not packed then return nil end
  local number, expiry, stay = cmsgpack.unpack(packed)
  return { number, expiry or 0, stay or number }
end

local function pack_place(place)
  if place[2] == 0 and place[1] == place[3] then return cmsgpack.pack(place[1]) end
  return cmsgpack.pack(place[1], place[2], place[3])
end

local function new_number()
  room.tail = room.tail + 1
  room.tail_at = now
  return room.tail
end

local function has_pass(place)
  return place[2] > now
end

-- Ends a stay.
local function give_up(buyer, place)
  local number = number_text(place[1])
  redis.call('HDEL', PLACES, buyer)
  redis.call('ZREM', DOOR, number)
  redis.call('ZREM', SEEN, number)
  if redis.call('ZREM', TURNS, number) == 1 then give_tokens(1) end
  redis.call('ZREM', PASSES, number)
  if has_pass(place) then
    redis.call('ZREMRANGEBYSCORE', REVOKED, '-inf', number_text(now - passMs))
    redis.call('ZADD', REVOKED, number_text(now), cmsgpack.pack(buyer, place[3]))
  elseif place[2] == 0 then
    room.waiting = room.waiting - 1
    room.gone_version = room.gone_version + 1
    redis.call('SETBIT', GONE, number, 1)
    redis.call('HSET', CHUNKS, number_text(math.floor(place[1] / CHUNK)), number_text(room.gone_version))
  end
end

local function commit(parts)
  room.clock = now
  room.sequence = room.sequence + 1
  room.keys = redis.call('EXISTS', unpack(KEYS))
  local values = {}
  for i = 1, #NAMES do values[i] = room[NAMES[i]] end
  for i = 1, #notes do values[#values + 1] = notes[i] end
  redis.call('HSET', META, 'live', cmsgpack.pack(unpack(values)))
  local reply = { 'done', now, room.sequence }
  for i = 1, #parts do reply[3 + i] = parts[i] end
  return reply
end

-- A reply for a call that came too late to change anything.
local function unchanged(parts)
  local reply = { 'done', now, room.sequence }
  for i = 1, #parts do reply[3 + i] = parts[i] end
  return reply
end
