-- Ends the visits with these ids, or (visit id -1) the buyers' present visits.
-- Columns: incarnation, deadline, min_time, buyers, visit_ids
-- Statuses: L ended   M gone   T retry
-- Parts: statuses
-- Writes: all but DEPARTED_CHUNKS if no visitor waited.
-- @include room, visitors, visits, each_visit
return answer_each(function(buyer, visit_id)
  local visitor = read_visitor(redis.call('HGET', VISITORS, buyer))
  if not visitor or (visit_id >= 0 and visit_id ~= visitor[VISIT_ID]) then return 'M' end
  if late then return 'T' end
  end_visit(buyer, visitor)
  return 'L'
end)
