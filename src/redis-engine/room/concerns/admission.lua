-- Decides which of the present visitors get a turn.
-- @include room, token_bucket, move_on

-- How many ranks beyond `called` should poll, and the speed of the queue.
local function near()
  local speed = math.floor(((total('called') - room.from_called) * 1000000 + room.rate * 5000) / (room.door_time - room.from_at + 5000))
  return math.max(64, room.burst + math.floor(8 * math.min(speed, 4 * room.rate) / 1000)), speed
end

-- Whether all visitors of the tier between `called` and this rank have departed. For drawn ranks
-- this is not known here.
local function is_next(tier, rank)
  local first = tier.called + 1
  if rank <= first then return true end
  if first <= tier.drawn then return false end
  local key = departed_key(tier.index)
  local kept = redis.call('BITPOS', key, 0, number_text(first), -1, 'BIT')
  -- Beyond the end of the string no visitor has departed.
  if kept < first then kept = math.max(first, redis.call('STRLEN', key) * 8) end
  return kept >= rank
end

local function call_to(tier, rank)
  if rank <= tier.called then return end
  tier.called = rank
  tier.called_at = now
end

-- A value as it was shown to all processes SHOW_MS ago or earlier.
local function before(tier, name)
  if tier[name .. '_at'] <= now - SHOW_MS then return tier[name] end
  return tier['older_' .. name]
end

-- Whether each visitor of the tier has been called, or has left, except for those who joined just
-- now.
local function is_exhausted(tier)
  return is_next(tier, math.max(before(tier, 'tail'), tier.drawn) + 1)
end

local function note_called(tier)
  local notes = tier.notes
  local latest = #notes - 1
  if tier.called <= (notes[latest + 1] or 0) then return end
  if latest > 0 and notes[latest] == room.door_time then
    notes[latest + 1] = tier.called
  elseif latest < 1 or room.door_time - notes[latest] >= claimMs / 64 then
    notes[#notes + 1] = room.door_time
    notes[#notes + 1] = tier.called
  end
end

-- How many turns and passes the stock allows, -1 if it is not limited.
local function capacity()
  if coupled == 0 or room.stock_at < 0 then return -1 end
  return math.floor(room.stock_available * overcommit / 1000)
end

-- Turns and passes that may still take units; see `sweep` for the passes that do not count.
local function outstanding()
  local long_turns = redis.call('ZCARD', LONG_TURNS)
  local spent = redis.call('ZCOUNT', PASSES, '-inf', number_text(-math.max(0, room.stock_at)))
  local unspent = redis.call('ZCOUNT', PASSES, '(' .. number_text(now), '+inf')
  return redis.call('ZCARD', TURNS) + long_turns + spent + unspent, long_turns
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
  local ahead = near()
  local had_time = {}
  for index = 0, tier_count - 1 do
    had_time[index] = math.min(before(tiers[index], 'called') + ahead, before(tiers[index], 'tail'))
  end
  local away, place = 0, 1
  while tier_order[place] and is_free() do
    local tier = tiers[tier_order[place]]
    local base = tier.index * TIER
    local first = redis.call('ZRANGE', PRESENT, number_text(base), number_text(base + TIER - 1), 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    local name, rank = first[1], first[2] and tonumber(first[2]) - base
    local seen = name and tonumber(redis.call('ZSCORE', LAST_SEEN, name))
    local returned = seen and seen >= RETURNED
    if returned then seen = seen - RETURNED end
    local waits = returned and long_turns < waitable
    if name and not waits and (not seen or seen < room.fresh_from or room.door_time - seen > PRESENT_MS) then
      if away == AWAY_AT_ONCE then break end
      redis.call('ZREM', PRESENT, name)
      -- Time in which the room stood still counts against no visitor.
      if seen and seen >= room.fresh_from and not returned then redis.call('ZADD', LAST_SEEN, number_text(PASSED_OVER), name) end
      away = away + 1
    elseif name and (rank <= tier.called or rank <= had_time[tier.index] or is_next(tier, rank)) then
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
      call_to(tier, rank)
    else
      call_to(tier, had_time[tier.index])
      if name or not is_exhausted(tier) then break end
      place = place + 1
    end
  end
  if total('called') >= total('tail') then set_speed_samples() end
  for index = 0, tier_count - 1 do note_called(tiers[index]) end
end
