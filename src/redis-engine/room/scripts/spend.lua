-- Notes that passes were used.
-- Columns: incarnation, deadline, min_time, buyers, visit_ids
-- Statuses: S spent   M gone   T retry
-- Parts: statuses
-- Writes: META, PASSES, and the keys that moving on writes.
-- @include room, visitors, each_visit
return answer_each(function(buyer, visit_id)
  local visitor = visit_of(buyer, visit_id)
  if not visitor or not has_pass(visitor) then return 'M' end
  local name = number_text(visitor[NUMBER])
  local score = tonumber(redis.call('ZSCORE', PASSES, name))
  if not score or score <= 0 then return 'S' end
  if late then return 'T' end
  -- In a room without a sale, no reading will ever include the purchase.
  if coupled == 1 then redis.call('ZADD', PASSES, number_text(-now), name) end
  return 'S'
end)
