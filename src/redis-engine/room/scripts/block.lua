-- Blocks buyers, or ends that.
-- Columns: incarnation, deadline, min_time, buyers, flags (1 to block)
-- Statuses: C changed   S unchanged   T retry
-- Parts: statuses
-- Writes: BLOCKED, and all but DEPARTED_CHUNKS if no visitor waited.
-- @include room, visitors, visits, move_on
local statuses = {}

local function block(buyer)
  room.blocked = room.blocked + redis.call('SADD', BLOCKED, buyer)
  local visitor = read_visitor(redis.call('HGET', VISITORS, buyer))
  if visitor then end_visit(buyer, visitor) end
end

if not late then move_on() end
for i, buyer in ipairs(call[4]) do
  if redis.call('SISMEMBER', BLOCKED, buyer) == call[5][i] then
    statuses[i] = 'S'
  elseif late then
    statuses[i] = 'T'
  else
    if call[5][i] == 1 then block(buyer) else room.blocked = room.blocked - redis.call('SREM', BLOCKED, buyer) end
    statuses[i] = 'C'
  end
end
local parts = { table.concat(statuses) }
if late then return reply(parts) end
return commit(parts)
