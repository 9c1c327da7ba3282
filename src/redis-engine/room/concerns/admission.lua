-- Decides which of the present visitors get a turn.
-- @include room, token_bucket, move_on

-- How many ranks beyond `called` should poll, and the speed of the queue.
local function near()
  local speed = math.floor(((room.called - room.from_called) * 1000000 + room.rate * 5000) / (room.door_time - room.from_at + 5000))
  return math.max(64, room.burst + math.floor(8 * math.min(speed, 4 * room.rate) / 1000)), speed
end

-- Whether all visitors between `called` and this rank have departed. For drawn ranks this is not
-- known here.
local function is_next(rank)
  local first = room.called + 1
  if rank <= first then return true end
  if random == 1 and first <= room.drawn then return false end
  local kept = redis.call('BITPOS', DEPARTED, 0, number_text(first), -1, 'BIT')
  -- Beyond the end of the string no visitor has departed.
  if kept < first then kept = math.max(first, redis.call('STRLEN', DEPARTED) * 8) end
  return kept >= rank
end

local function call_to(rank)
  if rank <= room.called then return end
  room.called = rank
  room.called_at = now
end

-- A value as it was shown to all processes SHOW_MS ago or earlier.
local function before(name)
  if room[name .. '_at'] <= now - SHOW_MS then return room[name] end
  return room['older_' .. name]
end

-- How many turns and passes the stock allows, -1 if it is not limited.
local function capacity()
  if coupled == 0 or room.stock_at < 0 then return -1 end
  return math.floor(room.stock_available * overcommit / 1000)
end

local function outstanding()
  local long_turns = redis.call('ZCARD', LONG_TURNS)
  return redis.call('ZCARD', TURNS) + long_turns + redis.call('ZCARD', PASSES), long_turns
end

-- How many turns and passes may be outstanding, and how many of them may be long turns while
-- another visitor is present.
local function limits()
  local most, waitable = math.huge, math.huge
  if coupled == 1 then
    most = capacity()
    waitable = math.floor(most / SLOTS_A_LONG_TURN)
  end
  if max_active >= 0 then
    most = math.min(most, max_active)
    waitable = math.min(waitable, math.ceil(max_active / SLOTS_A_LONG_TURN))
  end
  return most, waitable
end

-- Gives the token of the earliest long turn back: its visitor is away, and another is present.
local function end_long_turn()
  local name = redis.call('ZRANGE', LONG_TURNS, 0, 0)[1]
  redis.call('ZREM', LONG_TURNS, name)
  redis.call('ZADD', LAST_SEEN, number_text(PASSED_OVER), name)
  give_tokens(1)
end

-- Gives turns while there are tokens, to visitors whose rank is called or had time to be shown.
local function let_in()
  local most, waitable = limits()
  local given, long_turns = outstanding()
  -- Whether a further turn may be given.
  local function is_free()
    if given - math.max(0, long_turns - waitable) >= most then return false end
    return room.tokens >= TOKEN or given >= most
  end
  local had_time = math.min(before('called') + near(), before('tail'))
  local away, searching = 0, true
  while is_free() do
    local first = redis.call('ZRANGE', PRESENT, 0, 0, 'WITHSCORES')
    if #first == 0 then break end
    local name, rank = first[1], tonumber(first[2])
    local seen = tonumber(redis.call('ZSCORE', LAST_SEEN, name))
    local returned = seen and seen >= RETURNED
    if returned then seen = seen - RETURNED end
    local waits = returned and long_turns < waitable
    if not waits and (not seen or seen < room.fresh_from or room.door_time - seen > PRESENT_MS) then
      if away == AWAY_AT_ONCE then
        searching = false
        break
      end
      redis.call('ZREM', PRESENT, name)
      -- Time in which the room stood still counts against no visitor.
      if seen and seen >= room.fresh_from and not returned then redis.call('ZADD', LAST_SEEN, number_text(PASSED_OVER), name) end
      away = away + 1
    elseif rank <= room.called or rank <= had_time or is_next(rank) then
      while given >= most do
        end_long_turn()
        given, long_turns = given - 1, long_turns - 1
      end
      redis.call('ZREM', PRESENT, name)
      redis.call('ZADD', LAST_SEEN, number_text(HAD_TURN), name)
      if returned and long_turns < waitable then
        redis.call('ZADD', LONG_TURNS, number_text(room.door_time + long_ms()), name)
        long_turns = long_turns + 1
      else
        redis.call('ZADD', TURNS, number_text(room.door_time + claimMs), name)
      end
      room.tokens = room.tokens - TOKEN
      given = given + 1
      call_to(rank)
    else
      break
    end
  end
  if searching and is_free() then call_to(had_time) end
  if room.called >= room.tail then set_speed_samples() end
  local latest = #notes - 1
  if room.called > (notes[latest + 1] or 0) then
    if latest > 0 and notes[latest] == room.door_time then
      notes[latest + 1] = room.called
    elseif latest < 1 or room.door_time - notes[latest] >= claimMs / 64 then
      notes[#notes + 1] = room.door_time
      notes[#notes + 1] = room.called
    end
  end
end
