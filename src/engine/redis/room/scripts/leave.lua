-- Ends stays: those named, or (stay -1) whichever the buyers are in.
-- Columns: token, deadline, floor, buyers, stays
-- Statuses: L ended   M gone   T retry
-- Parts: statuses
-- Writes: all but CHUNKS where nobody waited.
local buyers, stays = call[4], call[5]
local statuses = {}
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
