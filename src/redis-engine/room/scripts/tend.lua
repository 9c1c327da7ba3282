-- Moves the room on, registers the polls of visitors, gives turns, and returns the state of the
-- room.
-- Columns: incarnation, deadline, min_time, tends
--   tends: of each item { stock, departed_version, turns_since, revoked_since, drawn (-1 for not
--     yet), buyers, visit_ids, numbers, ranks }
--   stock: { at, state, available } or empty; state: 1 open, 2 closed, 3 sold_out, 4 ended
-- Parts, five of each item: the numbers of the state, then of each tier, packed; visits packed:
--   code, number, then ahead (-1 for not present) or expiry; turns packed; chunks as index, bits,
--   ...; revoked as packed buyer and visit id each. Then, once, the seed once the room is drawn, or
--   '', and the names of the tiers by priority
--   Codes of visits: 0 waiting   1 admitted   2 gone
-- Writes: all but DEPARTED and DEPARTED_CHUNKS.
-- @include lists, room, visitors, move_on, admission
local visitors = {}

-- `called` of the latest note of the tier that is old enough; forgets those before it.
local function passed(tier)
  local notes, at = tier.notes, 0
  for i = 1, #notes, 2 do
    if room.door_time - notes[i] < claimMs then break end
    at = i
  end
  if at == 0 then return 0 end
  if at > 1 then
    local kept = {}
    for i = at, #notes do kept[#kept + 1] = notes[i] end
    tier.notes = kept
  end
  return tier.notes[2]
end

local function load_visitors(buyers)
  for last, first in next_piece, buyers, 0 do
    local found = redis.call('HMGET', VISITORS, unpack(buyers, first, last))
    for i = 1, #found do visitors[buyers[first + i - 1]] = read_visitor(found[i]) or false end
  end
end

local function save_visitor(buyer, visitor)
  redis.call('HSET', VISITORS, buyer, pack_visitor(visitor))
end

-- Gives a visitor whose number is over a new one at the end of the queue.
local function requeue(buyer, visitor)
  local tier = tier_of(visitor[NUMBER])
  tier.waiting = tier.waiting + 1
  visitor[NUMBER], visitor[PASS_EXPIRY], visitor[MISSED] = new_number(tier), 0, 0
  save_visitor(buyer, visitor)
end

local function take_over(stock)
  -- A reading from the future comes from a wrong clock: it must not outlast later readings.
  if stock[1] then stock[1] = math.min(stock[1], now) end
  if #stock == 0 or stock[1] < room.stock_at then return end
  room.stock_at, room.stock_state, room.stock_available = stock[1], stock[2], stock[3]
end

-- The names of the visitors who are present for this call only.
local once = {}

local function is_present(name, rank, seen)
  redis.call('ZADD', LAST_SEEN, number_text(seen), name)
  redis.call('ZADD', PRESENT, number_text(tier_of(tonumber(name)).index * TIER + rank), name)
end

local function register(buyer, visit_id, number, rank, ahead, passed_ranks, drawn)
  local visitor = visitors[buyer]
  if not visitor or visitor[VISIT_ID] ~= visit_id then return end
  if visitor[PASS_EXPIRY] ~= 0 then
    if not has_pass(visitor) then requeue(buyer, visitor) end
    return
  end
  if visitor[NUMBER] ~= number then return end
  local tier = tier_of(number)
  if drawn ~= total_drawn() or (random == 1 and drawn < 0) or rank > tier.called + ahead then return end
  local name = number_text(number)
  local seen = tonumber(redis.call('ZSCORE', LAST_SEEN, name) or -1)
  if seen == HAD_TURN and has_turn(name) then
    -- The visitor takes it in this call: it must not end for another.
    if tended and redis.call('ZREM', LONG_TURNS, name) == 1 then redis.call('ZADD', TURNS, number_text(room.door_time + claimMs), name) end
    return
  end
  if seen >= RETURNED and seen < HAD_TURN then return is_present(name, rank, RETURNED + room.door_time) end
  if visitor[MISSED] <= TURNS_AGAIN and (seen >= HAD_TURN or (seen < 0 and rank <= passed_ranks[tier.index])) then
    room.missed_turns = room.missed_turns + 1
    if seen == HAD_TURN then
      visitor[MISSED] = visitor[MISSED] + 1
      save_visitor(buyer, visitor)
    end
    if visitor[MISSED] <= TURNS_AGAIN then return is_present(name, rank, RETURNED + room.door_time) end
  end
  is_present(name, rank, room.door_time)
  if visitor[MISSED] > TURNS_AGAIN then once[#once + 1] = name end
end

local function forget_once()
  for last, first in next_piece, once, 0 do
    redis.call('ZREM', PRESENT, unpack(once, first, last))
    redis.call('ZREM', LAST_SEEN, unpack(once, first, last))
  end
  once = {}
end

local function answer(buyer, visit_id)
  local visitor = visitors[buyer]
  if not visitor or visitor[VISIT_ID] ~= visit_id then return 2, 0, 0 end
  if has_pass(visitor) then return 1, visitor[NUMBER], visitor[PASS_EXPIRY] end
  local name = number_text(visitor[NUMBER])
  if tended and not late and end_turn(name) then
    redis.call('ZREM', LAST_SEEN, name)
    visitor[PASS_EXPIRY] = now + passMs
    redis.call('ZADD', PASSES, number_text(visitor[PASS_EXPIRY]), name)
    save_visitor(buyer, visitor)
    local tier = tier_of(visitor[NUMBER])
    tier.waiting = tier.waiting - 1
    room.admitted = room.admitted + 1
    return 1, visitor[NUMBER], visitor[PASS_EXPIRY]
  end
  local place = redis.call('ZRANK', PRESENT, name)
  local base = tier_of(visitor[NUMBER]).index * TIER
  if place and base > 0 then place = place - redis.call('ZCOUNT', PRESENT, '-inf', number_text(base)) end
  return 0, visitor[NUMBER], place or -1
end

-- Adds the numbers whose turn lasts until then or longer.
local function turns_given(key, ends, numbers)
  for _, name in ipairs(redis.call('ZRANGE', key, number_text(ends), '+inf', 'BYSCORE')) do
    numbers[#numbers + 1] = tonumber(name)
  end
  return numbers
end

local function chunks_since(version)
  local parts = {}
  if version == room.departed_version then return parts end
  local versions = redis.call('HGETALL', DEPARTED_CHUNKS)
  for i = 1, #versions, 2 do
    if tonumber(versions[i + 1]) > version then
      local index = tonumber(versions[i])
      local tier = math.floor(index * CHUNK / TIER)
      local first = (index - tier * TIER / CHUNK) * CHUNK / 8
      parts[#parts + 1] = index
      parts[#parts + 1] = redis.call('GETRANGE', departed_key(tier), number_text(first), number_text(first + CHUNK / 8 - 1))
    end
  end
  return parts
end

local function state_numbers()
  local ahead, speed = near()
  local present, of_tiers = 0, {}
  for _, index in ipairs(tier_order) do
    local tier = tiers[index]
    local here = redis.call('ZCOUNT', PRESENT, number_text(index * TIER), number_text(index * TIER + tier.called))
    present = present + here
    for _, value in ipairs({ index, tier.tail, tier.called, tier.called + ahead, here, tier.waiting, tier.drawn }) do of_tiers[#of_tiers + 1] = value end
  end
  local numbers = {
    opened and 1 or 0, room.paused, room.stock_state, room.rate, room.burst, room.tokens, total('tail'), total('called'),
    total('called') + ahead, present, speed, total('waiting'), room.admitted, room.missed_turns, (outstanding()), capacity(), total_drawn(),
    room.door_time, room.departed_version, opensAt, revision, tier_count,
  }
  for _, value in ipairs(of_tiers) do numbers[#numbers + 1] = value end
  return pack_all(numbers)
end

local function tend(stock, departed_version, turns_since, revoked_since, drawn, buyers, visit_ids, numbers, ranks)
  if not late then
    take_over(stock)
    move_on()
  end
  load_visitors(buyers)
  if not late then
    local ahead, passed_ranks = near(), {}
    for index = 0, tier_count - 1 do passed_ranks[index] = passed(tiers[index]) end
    for i, buyer in ipairs(buyers) do register(buyer, visit_ids[i], numbers[i], ranks[i], ahead, passed_ranks, drawn) end
    if tended then let_in() end
    forget_once()
  end
  local visits = {}
  for i, buyer in ipairs(buyers) do
    visits[3 * i - 2], visits[3 * i - 1], visits[3 * i] = answer(buyer, visit_ids[i])
  end
  local turns = turns_given(TURNS, turns_since + claimMs, {})
  turns_given(LONG_TURNS, turns_since + long_ms(), turns)
  return state_numbers(), pack_all(visits), pack_all(turns), chunks_since(departed_version),
    redis.call('ZRANGE', REVOKED, number_text(math.max(revoked_since, now - passMs + 1)), '+inf', 'BYSCORE')
end

local parts = {}
for i, item in ipairs(call[4]) do
  parts[5 * i - 4], parts[5 * i - 3], parts[5 * i - 2], parts[5 * i - 1], parts[5 * i] = tend(unpack(item))
end
parts[#parts + 1] = is_drawn() and seed or ''
local names = {}
for i, index in ipairs(tier_order) do names[i] = tier_names[index + 1] end
parts[#parts + 1] = names
if late then return reply(parts) end
return commit(parts)
