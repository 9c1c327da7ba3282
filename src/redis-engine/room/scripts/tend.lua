-- Moves the room on, registers who has come, lets in whoever can be, and tells how things stand.
-- Columns: token, deadline, floor, tends
--   tends: of each item { stock, goneVersion, turnsSince, revokedSince, drawn, buyers, stays, numbers, ranks }; drawn -1 for not yet
--   stock: { at, state, available } or empty; state: 1 open, 2 closed, 3 sold_out, 4 ended
-- Parts, five of each item: the state's numbers packed; visits packed: code, number, then ahead (-1 for not at the door) or expiry;
--   turns packed; chunks as index, bits, ...; revoked as packed buyer and stay each; then, once, the seed if it may be told, or ''
--   Codes of visits: 0 waiting   1 admitted   2 gone
-- Writes: all but GONE and CHUNKS.
local places = {}

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

local function load_places(buyers)
  for last, first in next_piece, buyers, 0 do
    local found = redis.call('HMGET', PLACES, unpack(buyers, first, last))
    for i = 1, #found do places[buyers[first + i - 1]] = read_place(found[i]) or false end
  end
end

local function save_place(buyer, place)
  redis.call('HSET', PLACES, buyer, pack_place(place))
end

-- A place at the end in place of one that is of no use any more.
local function place_anew(buyer, place)
  if place[2] ~= 0 then room.waiting = room.waiting + 1 end
  place[1], place[2] = new_number(), 0
  save_place(buyer, place)
end

local function take_over(stock)
  -- A reading from the future is one by a clock that went wrong: it must not outlive those that follow.
  if stock[1] then stock[1] = math.min(stock[1], now) end
  if #stock == 0 or stock[1] < room.stock_at then return end
  room.stock_at, room.stock_state, room.stock_available = stock[1], stock[2], stock[3]
  -- Passes spent before the reading show in it.
  redis.call('ZREMRANGEBYSCORE', PASSES, '(' .. number_text(-stock[1]), '(0')
end

local function has_turn(number)
  return redis.call('ZSCORE', TURNS, number_text(number))
end

local function register(buyer, stay, number, rank, reach, gone_by, drawn)
  local place = places[buyer]
  if not place or place[3] ~= stay then return end
  if place[2] ~= 0 then
    if not has_pass(place) then place_anew(buyer, place) end
    return
  end
  if place[1] ~= number or has_turn(number) then return end
  if drawn ~= room.drawn or (random == 1 and drawn < 0) or rank > reach then return end
  local name = number_text(number)
  if rank <= gone_by and not redis.call('ZSCORE', SEEN, name) then
    room.missed = room.missed + 1
    return place_anew(buyer, place)
  end
  redis.call('ZADD', SEEN, number_text(room.door), name)
  redis.call('ZADD', DOOR, number_text(rank), name)
end

-- Whether every place between `called` and this rank was given up. Of drawn places that is not known here.
local function is_next(rank)
  local first = room.called + 1
  if rank <= first then return true end
  if random == 1 and first <= room.drawn then return false end
  local kept = redis.call('BITPOS', GONE, 0, number_text(first), -1, 'BIT')
  -- Behind the end of the string nobody has given up.
  if kept < first then kept = math.max(first, redis.call('STRLEN', GONE) * 8) end
  return kept >= rank
end

local function call_to(rank)
  if rank <= room.called then return end
  room.called = rank
  room.called_at = now
end

local function before(name)
  if room[name .. '_at'] <= now - SHOW_MS then return room[name] end
  return room['older_' .. name]
end

local function capacity()
  if coupled == 0 or room.stock_at < 0 then return -1 end
  return math.floor(room.stock_available * overcommit / 1000)
end

local function outstanding()
  return redis.call('ZCARD', TURNS) + redis.call('ZCARD', PASSES)
end

local function let_in()
  local free = coupled == 0 and math.huge or capacity() - outstanding()
  local settled = math.min(before('called') + near(), before('tail'))
  while room.tokens >= TOKEN and free > 0 do
    local first = redis.call('ZRANGE', DOOR, 0, 0, 'WITHSCORES')
    if #first == 0 then break end
    local name, rank = first[1], tonumber(first[2])
    local seen = tonumber(redis.call('ZSCORE', SEEN, name))
    if not seen or seen < room.fresh_from or room.door - seen > PRESENT_MS then
      redis.call('ZREM', DOOR, name)
    elseif rank <= room.called or rank <= settled or is_next(rank) then
      redis.call('ZREM', DOOR, name)
      redis.call('ZREM', SEEN, name)
      redis.call('ZADD', TURNS, number_text(room.door + claimMs), name)
      room.tokens = room.tokens - TOKEN
      free = free - 1
      call_to(rank)
    else
      break
    end
  end
  if room.tokens >= TOKEN and free > 0 then call_to(settled) end
  if room.called >= room.tail then set_speed_samples() end
  local latest = #notes - 1
  if room.called > (notes[latest + 1] or 0) then
    if latest > 0 and notes[latest] == room.door then
      notes[latest + 1] = room.called
    elseif latest < 1 or room.door - notes[latest] >= claimMs / 64 then
      notes[#notes + 1] = room.door
      notes[#notes + 1] = room.called
    end
  end
end

local function answer(buyer, stay)
  local place = places[buyer]
  if not place or place[3] ~= stay then return 2, 0, 0 end
  if has_pass(place) then return 1, place[1], place[2] end
  local name = number_text(place[1])
  if tended and not late and redis.call('ZREM', TURNS, name) == 1 then
    place[2] = now + passMs
    redis.call('ZADD', PASSES, number_text(place[2]), name)
    save_place(buyer, place)
    room.waiting = room.waiting - 1
    room.admitted = room.admitted + 1
    return 1, place[1], place[2]
  end
  return 0, place[1], redis.call('ZRANK', DOOR, name) or -1
end

local function chunks_since(version)
  local parts = {}
  if version == room.gone_version then return parts end
  local versions = redis.call('HGETALL', CHUNKS)
  for i = 1, #versions, 2 do
    if tonumber(versions[i + 1]) > version then
      local first = versions[i] * CHUNK / 8
      parts[#parts + 1] = tonumber(versions[i])
      parts[#parts + 1] = redis.call('GETRANGE', GONE, number_text(first), number_text(first + CHUNK / 8 - 1))
    end
  end
  return parts
end

local function state_numbers()
  local ahead, speed = near()
  return pack_all({
    opened and 1 or 0, room.paused, room.stock_state, room.rate, room.burst, room.tokens, room.tail, room.called,
    room.called + ahead, redis.call('ZCOUNT', DOOR, '-inf', number_text(room.called)), speed, room.waiting,
    room.admitted, room.missed, outstanding(), capacity(), room.drawn, room.door, room.gone_version,
  })
end

local function tend(stock, gone_version, turns_since, revoked_since, drawn, buyers, stays, numbers, ranks)
  if not late then
    take_over(stock)
    move_on()
  end
  load_places(buyers)
  if not late then
    local reach, gone_by = room.called + near(), passed()
    for i, buyer in ipairs(buyers) do register(buyer, stays[i], numbers[i], ranks[i], reach, gone_by, drawn) end
    if tended then let_in() end
  end
  local visits = {}
  for i, buyer in ipairs(buyers) do
    visits[3 * i - 2], visits[3 * i - 1], visits[3 * i] = answer(buyer, stays[i])
  end
  local turns = redis.call('ZRANGE', TURNS, number_text(turns_since + claimMs), '+inf', 'BYSCORE')
  for i, number in ipairs(turns) do turns[i] = tonumber(number) end
  return state_numbers(), pack_all(visits), pack_all(turns), chunks_since(gone_version),
    redis.call('ZRANGE', REVOKED, number_text(math.max(revoked_since, now - passMs + 1)), '+inf', 'BYSCORE')
end

local parts = {}
for i, item in ipairs(call[4]) do
  parts[5 * i - 4], parts[5 * i - 3], parts[5 * i - 2], parts[5 * i - 1], parts[5 * i] = tend(unpack(item))
end
parts[#parts + 1] = room.drawn >= 0 and seed or ''
if late then return unchanged(parts) end
return commit(parts)
