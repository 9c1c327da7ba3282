-- Ends stays: those named, or (stay -1) whichever the buyers are in.
-- Columns: token, deadline, floor, buyers, stays
-- Statuses: L ended   M gone   T retry
-- Parts: statuses
-- Writes: all but CHUNKS where nobody waited.
-- @include room, token_bucket, visitors, move_on
local buyers, stays = call[4], call[5]
local statuses = {}

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

if not late then move_on() end
for i, buyer in ipairs(buyers) do
  local place = read_place(redis.call('HGET', PLACES, buyer))
  if not place or (stays[i] >= 0 and stays[i] ~= place[3]) then
    statuses[i] = 'M'
  elseif late then
    statuses[i] = 'T'
  else
    give_up(buyer, place)
    statuses[i] = 'L'
  end
end
local parts = { table.concat(statuses) }
if late then return unchanged(parts) end
return commit(parts)
