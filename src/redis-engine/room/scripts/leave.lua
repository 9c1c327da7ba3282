-- Ends the visits with these ids, or (visit id -1) the buyers' present visits.
-- Columns: incarnation, deadline, min_time, buyers, visit_ids
-- Statuses: L ended   M gone   T retry
-- Parts: statuses
-- Writes: all but DEPARTED_CHUNKS if no visitor waited.
-- @include room, visitors, visits, move_on
local buyers, visit_ids = call[4], call[5]
local statuses = {}

if not late then move_on() end
for i, buyer in ipairs(buyers) do
  local visitor = read_visitor(redis.call('HGET', VISITORS, buyer))
  if not visitor or (visit_ids[i] >= 0 and visit_ids[i] ~= visitor[VISIT_ID]) then
    statuses[i] = 'M'
  elseif late then
    statuses[i] = 'T'
  else
    end_visit(buyer, visitor)
    statuses[i] = 'L'
  end
end
local parts = { table.concat(statuses) }
if late then return reply(parts) end
return commit(parts)
