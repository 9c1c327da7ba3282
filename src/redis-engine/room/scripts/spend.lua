-- Notes that passes were used.
-- Columns: incarnation, deadline, min_time, buyers, visit_ids
-- Statuses: S spent   M gone   T retry
-- Parts: statuses
-- Writes: META, PASSES, and the keys that moving on writes.
-- @include room, visitors, move_on
local buyers, visit_ids = call[4], call[5]
local statuses = {}
if not late then move_on() end
for i, buyer in ipairs(buyers) do
  local visitor = visit_of(buyer, visit_ids[i])
  if not visitor or not has_pass(visitor) then
    statuses[i] = 'M'
  else
    local name = number_text(visitor[NUMBER])
    local score = tonumber(redis.call('ZSCORE', PASSES, name))
    if score and score > 0 then
      if late then
        statuses[i] = 'T'
      else
        -- In a room without a sale, no reading will ever include the purchase.
        if coupled == 1 then redis.call('ZADD', PASSES, number_text(-now), name) end
        statuses[i] = 'S'
      end
    else
      statuses[i] = 'S'
    end
  end
end
local parts = { table.concat(statuses) }
if late then return reply(parts) end
return commit(parts)
