-- Pages of dead events.
-- Columns: incarnation, deadline, min_time, pages
--   pages: of each item { group, after }
-- Statuses: W dead. Details: members of PARKED
-- Writes: nothing.
-- @include consumer_groups, parked_events
local DEAD_A_PAGE = 100 -- tuning
local statuses, details = {}, {}
for i, item in ipairs(call[4]) do
  local group = group_of(item[1])
  if group then
    local first, last = beyond(group, 'd', item[2])
    details[i] = redis.call('ZRANGE', PARKED, first, last, 'BYLEX', 'LIMIT', 0, DEAD_A_PAGE)
  else
    details[i] = {}
  end
  statuses[i] = 'W'
end
return reply(statuses, details)
