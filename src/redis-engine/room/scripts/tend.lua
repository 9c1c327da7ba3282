-- Moves the room on, registers who has come, lets in whoever can be, and tells how things stand.
-- Columns: token, deadline, floor, tends
--   tends: of each item { stock, goneVersion, turnsSince, revokedSince, drawn, buyers, stays, numbers, ranks }; drawn -1 for not yet
--   stock: { at, state, available } or empty; state: 1 open, 2 closed, 3 sold_out, 4 ended
-- Parts, five of each item: the state's numbers packed; visits packed: code, number, then ahead (-1 for not at the door) or expiry;
--   turns packed; chunks as index, bits, ...; revoked as packed buyer and stay each; then, once, the seed if it may be told, or ''
--   Codes of visits: 0 waiting   1 admitted   2 gone
-- Writes: all but GONE and CHUNKS.
-- @include lists, room, visitors, move_on, admission
local places = {}

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
