-- Gives buyers a number at the end of a tier, or returns the number they have.
-- Columns: incarnation, deadline, min_time, buyers, names of tiers ('' for the last one)
-- Statuses: P placed   B blocked   U unknown tier   T retry
-- Parts: statuses; numbers: number, visit id and expiry of the pass (0 for none) of each item,
--   packed
-- Writes: META, VISITORS; if a visitor rises to a tier of higher priority, also PRESENT, LAST_SEEN,
--   DEPARTED and DEPARTED_CHUNKS.
-- @include lists, room, draw, tiers, visitors, visits
local buyers = call[4]
local found = redis.call('HMGET', VISITORS, unpack(buyers))
local blocked = room.blocked > 0 and redis.call('SMISMEMBER', BLOCKED, unpack(buyers)) or {}
local statuses, numbers, written, visitors = {}, {}, {}, {}

-- Whether the visitor waits in a tier of lower priority, and has no turn.
local function may_rise(visitor, tier)
  local own = tier_of(visitor[NUMBER])
  if visitor[PASS_EXPIRY] ~= 0 or own == tier or better(own, tier) == own then return false end
  return not has_turn(number_text(visitor[NUMBER]))
end

local function place(buyer, visitor, tier)
  local rises = visitor and tier_count > 1 and may_rise(visitor, tier)
  if visitor and not rises and (visitor[PASS_EXPIRY] == 0 or has_pass(visitor)) then return 'P', visitor end
  if late then return 'T' end
  if rises then
    local name = number_text(visitor[NUMBER])
    redis.call('ZREM', PRESENT, name)
    redis.call('ZREM', LAST_SEEN, name)
    give_up(visitor[NUMBER])
  elseif visitor then
    tier = better(tier_of(visitor[NUMBER]), tier)
  end
  local number = new_number(tier)
  tier.waiting = tier.waiting + 1
  visitor = { number, 0, visitor and visitor[VISIT_ID] or total('tail'), 0 }
  written[#written + 1] = buyer
  written[#written + 1] = pack_visitor(visitor)
  return 'P', visitor
end

if not late then draw() end
for i, buyer in ipairs(buyers) do
  local tier = tier_named(call[5][i])
  local visitor
  if not tier then
    statuses[i] = 'U'
  elseif blocked[i] == 1 then
    statuses[i] = 'B'
  else
    statuses[i], visitor = place(buyer, visitors[buyer] or read_visitor(found[i]), tier)
  end
  if visitor then visitors[buyer] = visitor else visitor = { 0, 0, 0 } end
  numbers[3 * i - 2], numbers[3 * i - 1], numbers[3 * i] = visitor[NUMBER], visitor[VISIT_ID], visitor[PASS_EXPIRY]
end
local parts = { table.concat(statuses), pack_all(numbers) }
if #written == 0 then return reply(parts) end
write_fields(VISITORS, written)
return commit(parts)
