-- Gives places at the end of the line, or says which ones the buyers have.
-- Columns: token, deadline, floor, buyers
-- Statuses: P placed   T retry
-- Parts: statuses; numbers: number, stay and expiry of the pass (0 for none) of each item, packed
-- Writes: META, PLACES.
-- @include room, draw, visitors
local buyers = call[4]
local found = redis.call('HMGET', PLACES, unpack(buyers))
local statuses, numbers, written, places = {}, {}, {}, {}
if not late then draw() end
for i, buyer in ipairs(buyers) do
  local place = places[buyer] or read_place(found[i])
  if place and (place[2] == 0 or has_pass(place)) then
    statuses[i] = 'P'
  elseif late then
    statuses[i] = 'T'
  else
    local number = new_number()
    place = { number, 0, place and place[3] or number }
    room.waiting = room.waiting + 1
    written[#written + 1] = buyer
    written[#written + 1] = pack_place(place)
    statuses[i] = 'P'
  end
  if statuses[i] == 'P' then places[buyer] = place else place = { 0, 0, 0 } end
  numbers[3 * i - 2], numbers[3 * i - 1], numbers[3 * i] = place[1], place[3], place[2]
end
local parts = { table.concat(statuses), cmsgpack.pack(unpack(numbers)) }
if #written == 0 then return unchanged(parts) end
redis.call('HSET', PLACES, unpack(written))
return commit(parts)
