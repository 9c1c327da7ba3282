-- Gives visits to other buyers.
-- Columns: incarnation, deadline, min_time, buyers, visit_ids, receivers, numbers, own_numbers,
--   own_first (0 or 1); the numbers that the caller has compared, both 0 for none
-- Statuses: P transferred   C compare   B blocked   M gone   T retry
-- Parts: statuses; numbers: number, visit id and expiry of the pass (0 for none) of each item,
--   packed; of C: number, the receiver's own number, 0
-- Writes: all keys but BLOCKED.
-- @include lists, room, visitors, visits, move_on
local statuses, places = {}, {}

-- 2: a pass; 1: a place in the queue; 0: a pass that has run out.
local function worth(visitor)
  if visitor[PASS_EXPIRY] == 0 then return 1 end
  return has_pass(visitor) and 2 or 0
end

-- The visit is over: perhaps because it was transferred before.
local function again(buyer, visit_id, to)
  local known = redis.call('HGET', TRANSFERRED, buyer)
  if not known then return 'M' end
  local was_id, was_to, as = cmsgpack.unpack(known)
  local place = was_id == visit_id and was_to == to and visit_of(to, as)
  if place then return 'P', place end
  return 'M'
end

local function move(buyer, visitor, to)
  revoke_pass(buyer, visitor)
  redis.call('HDEL', VISITORS, buyer)
  depart(new_number(tier_of(visitor[NUMBER])))
  visitor[VISIT_ID] = total('tail')
  redis.call('HSET', VISITORS, to, pack_visitor(visitor))
  return visitor
end

local function transfer(buyer, visit_id, to, number, own_number, own_first)
  local visitor = visit_of(buyer, visit_id)
  if not visitor then return again(buyer, visit_id, to) end
  if buyer == to then return 'P', visitor end
  if room.blocked > 0 and redis.call('SISMEMBER', BLOCKED, to) == 1 then return 'B' end
  local own = read_visitor(redis.call('HGET', VISITORS, to))
  local keeps_own = own and worth(own) >= worth(visitor)
  if own and worth(own) == 1 and worth(visitor) == 1 then
    if number ~= visitor[NUMBER] or own_number ~= own[NUMBER] then return 'C', { visitor[NUMBER], 0, own[NUMBER] } end
    keeps_own = own_first == 1
  end
  if late then return 'T' end
  if keeps_own then
    end_visit(buyer, visitor)
  else
    if own then end_visit(to, own) end
    own = move(buyer, visitor, to)
  end
  redis.call('HSET', TRANSFERRED, buyer, cmsgpack.pack(visit_id, to, own[VISIT_ID]))
  return 'P', own
end

if not late then move_on() end
for i, buyer in ipairs(call[4]) do
  local place
  statuses[i], place = transfer(buyer, call[5][i], call[6][i], call[7][i], call[8][i], call[9][i])
  place = place or { 0, 0, 0 }
  places[3 * i - 2], places[3 * i - 1], places[3 * i] = place[NUMBER], place[VISIT_ID], place[PASS_EXPIRY]
end
local parts = { table.concat(statuses), pack_all(places) }
if late then return reply(parts) end
return commit(parts)
