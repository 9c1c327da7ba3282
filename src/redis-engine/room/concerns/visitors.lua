-- The stored form of visitors: their number in the queue, and their pass.
-- @include room

-- A visitor is a list of these; PASS_EXPIRY is 0 if there is no pass.
local NUMBER, PASS_EXPIRY, VISIT_ID = 1, 2, 3

-- nil if the buyer is not a visitor.
local function read_visitor(packed)
  if not packed then return nil end
  local number, expiry, visit_id = cmsgpack.unpack(packed)
  return { number, expiry or 0, visit_id or number }
end

local function pack_visitor(visitor)
  if visitor[PASS_EXPIRY] == 0 and visitor[NUMBER] == visitor[VISIT_ID] then return cmsgpack.pack(visitor[NUMBER]) end
  return cmsgpack.pack(visitor[NUMBER], visitor[PASS_EXPIRY], visitor[VISIT_ID])
end

-- A number at the end of the queue.
local function new_number()
  room.tail = room.tail + 1
  room.tail_at = now
  return room.tail
end

local function has_pass(visitor)
  return visitor[PASS_EXPIRY] > now
end
