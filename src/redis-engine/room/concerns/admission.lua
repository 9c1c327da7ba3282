-- Who is let in.
-- @include room, move_on
local function near()
  local speed = math.floor(((room.called - room.from_called) * 1000000 + room.rate * 5000) / (room.door - room.from_at + 5000))
  return math.max(64, room.burst + math.floor(8 * math.min(speed, 4 * room.rate) / 1000)), speed
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
