-- The stored form of visitors: their number in the queue, and their pass.
-- @include room

-- A visitor is a list of these; PASS_EXPIRY is 0 if there is no pass, MISSED counts the turns that
-- were missed with this number.
local NUMBER, PASS_EXPIRY, VISIT_ID, MISSED = 1, 2, 3, 4

-- nil if the buyer is not a visitor.
local function read_visitor(packed)
  if not packed then return nil end
  local number, expiry, visit_id, missed = cmsgpack.unpack(packed)
  return { number, expiry or 0, visit_id or number, missed or 0 }
end

-- nil if the buyer is not in this visit.
local function visit_of(buyer, visit_id)
  local visitor = read_visitor(redis.call('HGET', VISITORS, buyer))
  return visitor and visitor[VISIT_ID] == visit_id and visitor or nil
end

local function pack_visitor(visitor)
  if visitor[MISSED] > 0 then return cmsgpack.pack(unpack(visitor)) end
  if visitor[PASS_EXPIRY] == 0 and visitor[NUMBER] == visitor[VISIT_ID] then return cmsgpack.pack(visitor[NUMBER]) end
  return cmsgpack.pack(visitor[NUMBER], visitor[PASS_EXPIRY], visitor[VISIT_ID])
end

-- A number at the end of the tier.
local function new_number(tier)
  tier.tail = tier.tail + 1
  tier.tail_at = now
  return tier.index * TIER + tier.tail
end

local function has_turn(name)
  return redis.call('ZSCORE', TURNS, name) or redis.call('ZSCORE', LONG_TURNS, name)
end

-- Ends the turn of this number; returns whether there was one.
local function end_turn(name)
  return redis.call('ZREM', TURNS, name) == 1 or redis.call('ZREM', LONG_TURNS, name) == 1
end

local function has_pass(visitor)
  return visitor[PASS_EXPIRY] > now
end
