-- Gives buyers a number at the end of the queue, or returns the number they have.
-- Columns: incarnation, deadline, min_time, buyers
-- Statuses: P placed   B blocked   T retry
-- Parts: statuses; numbers: number, visit id and expiry of the pass (0 for none) of each item,
--   packed
-- Writes: META, VISITORS.
-- @include room, draw, visitors
local buyers = call[4]
local found = redis.call('HMGET', VISITORS, unpack(buyers))
local blocked = room.blocked > 0 and redis.call('SMISMEMBER', BLOCKED, unpack(buyers)) or {}
local statuses, numbers, written, visitors = {}, {}, {}, {}
if not late then draw() end
for i, buyer in ipairs(buyers) do
  local visitor = visitors[buyer] or read_visitor(found[i])
  if blocked[i] == 1 then
    statuses[i] = 'B'
  elseif visitor and (visitor[PASS_EXPIRY] == 0 or has_pass(visitor)) then
    statuses[i] = 'P'
  elseif late then
    statuses[i] = 'T'
  else
    local number = new_number()
    visitor = { number, 0, visitor and visitor[VISIT_ID] or number, 0 }
    room.waiting = room.waiting + 1
    written[#written + 1] = buyer
    written[#written + 1] = pack_visitor(visitor)
    statuses[i] = 'P'
  end
  if statuses[i] == 'P' then visitors[buyer] = visitor else visitor = { 0, 0, 0 } end
  numbers[3 * i - 2], numbers[3 * i - 1], numbers[3 * i] = visitor[NUMBER], visitor[VISIT_ID], visitor[PASS_EXPIRY]
end
local parts = { table.concat(statuses), cmsgpack.pack(unpack(numbers)) }
if #written == 0 then return reply(parts) end
redis.call('HSET', VISITORS, unpack(written))
return commit(parts)
