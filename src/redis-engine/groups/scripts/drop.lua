-- Deletes groups.
-- Columns: incarnation, deadline, min_time, names
-- Statuses: D dropped   G gone   T retry
-- Writes: GROUPS, PARKED.
-- @include consumer_groups, group_changes, parked_events
local refused = refused_command(true)
if refused then return { 'denied', now, refused } end
local statuses = {}

local function drop(name)
  local group = group_of(name)
  if not group then return 'G' end
  if late then return 'T' end
  for kind, field in pairs(COUNT_OF) do
    count_members(group, field, -redis.call('ZREMRANGEBYLEX', PARKED, all_of(group, kind)))
  end
  known[name] = false
  change(name)
  return 'D'
end

for i, name in ipairs(call[4]) do statuses[i] = drop(name) end
return finish(statuses, {})
