-- Ends the visits with these ids, or (visit id -1) the buyers' present visits.
-- Columns: incarnation, deadline, min_time, buyers, visit_ids
-- Statuses: L ended   M gone   T retry
-- Parts: statuses
-- Writes: all but DEPARTED_CHUNKS if no visitor waited.
-- @include room, token_bucket, visitors, move_on
local buyers, visit_ids = call[4], call[5]
local statuses = {}

-- Ends a visit.
local function end_visit(buyer, visitor)
  local number = number_text(visitor[NUMBER])
  redis.call('HDEL', VISITORS, buyer)
  redis.call('ZREM', PRESENT, number)
  redis.call('ZREM', LAST_SEEN, number)
  if end_turn(number) then give_tokens(1) end
  redis.call('ZREM', PASSES, number)
  if has_pass(visitor) then
    redis.call('ZREMRANGEBYSCORE', REVOKED, '-inf', number_text(now - passMs))
    redis.call('ZADD', REVOKED, number_text(now), cmsgpack.pack(buyer, visitor[VISIT_ID]))
  elseif visitor[PASS_EXPIRY] == 0 then
    room.waiting = room.waiting - 1
    room.departed_version = room.departed_version + 1
    redis.call('SETBIT', DEPARTED, number, 1)
    redis.call('HSET', DEPARTED_CHUNKS, number_text(math.floor(visitor[NUMBER] / CHUNK)), number_text(room.departed_version))
  end
end

if not late then move_on() end
for i, buyer in ipairs(buyers) do
  local visitor = read_visitor(redis.call('HGET', VISITORS, buyer))
  if not visitor or (visit_ids[i] >= 0 and visit_ids[i] ~= visitor[VISIT_ID]) then
    statuses[i] = 'M'
  elseif late then
    statuses[i] = 'T'
  else
    end_visit(buyer, visitor)
    statuses[i] = 'L'
  end
end
local parts = { table.concat(statuses) }
if late then return reply(parts) end
return commit(parts)
