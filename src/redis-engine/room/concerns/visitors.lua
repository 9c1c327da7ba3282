-- Places as they are kept.
-- @include room

-- A buyer's place as number, expiry of the pass (0 for none), stay; nil for none.
local function read_place(packed)
  if not packed then return nil end
  local number, expiry, stay = cmsgpack.unpack(packed)
  return { number, expiry or 0, stay or number }
end

local function pack_place(place)
  if place[2] == 0 and place[1] == place[3] then return cmsgpack.pack(place[1]) end
  return cmsgpack.pack(place[1], place[2], place[3])
end

local function new_number()
  room.tail = room.tail + 1
  room.tail_at = now
  return room.tail
end

local function has_pass(place)
  return place[2] > now
end
