-- Notes that passes were used.
-- Columns: token, deadline, floor, buyers, stays
-- Statuses: S spent   M gone   T retry
-- Parts: statuses
-- Writes: META, PASSES, and what moving on does.
-- @include room, visitors, move_on
local buyers, stays = call[4], call[5]
local statuses = {}
if not late then move_on() end
for i, buyer in ipairs(buyers) do
  local place = read_place(redis.call('HGET', PLACES, buyer))
  if not place or place[3] ~= stays[i] or not has_pass(place) then
    statuses[i] = 'M'
  else
    local name = number_text(place[1])
    local score = tonumber(redis.call('ZSCORE', PASSES, name))
    if score and score > 0 then
      if late then
        statuses[i] = 'T'
      else
        -- Without a sale no reading will ever show what was bought.
        if coupled == 1 then redis.call('ZADD', PASSES, number_text(-now), name) end
        statuses[i] = 'S'
      end
    else
      statuses[i] = 'S'
    end
  end
end
local parts = { table.concat(statuses) }
if late then return unchanged(parts) end
return commit(parts)
