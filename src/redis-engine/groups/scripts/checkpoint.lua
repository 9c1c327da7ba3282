-- Moves the positions of groups that store their progress elsewhere.
-- Columns: incarnation, deadline, min_time, checkpoints
--   checkpoints: of each item { group, position, olderThanMs, maxEvents }; olderThanMs -1:
--     no trimming
-- Statuses: C checkpointed   T retry
-- Details: C first
-- Writes: GROUPS, EVENTS.
-- @include consumer_groups, group_changes, stream_trim
local trims_any = false
for _, item in ipairs(call[4]) do trims_any = trims_any or item[3] >= 0 end
local refused = refused_command(false, trims_any)
if refused then return { 'denied', now, refused } end
-- @rarely trim
local trim_stream = trims_any and rare()
local statuses, details = {}, {}

local function checkpoint(name, position, older_than, max_events)
  local group = group_of(name)
  local moves = not group or math.min(position, sequence) > group[POSITION]
  if late and (moves or (older_than >= 0 and trim_stream(older_than, max_events))) then return 'T' end
  if moves then
    begin()
    group = group or make_group(name, 0)
    group[POSITION] = math.min(position, sequence)
    change(name)
  end
  if older_than >= 0 and not late then trim_stream(older_than, max_events) end
  details[#details + 1] = first_left()
  return 'C'
end

for i, item in ipairs(call[4]) do statuses[i] = checkpoint(unpack(item)) end
return finish(statuses, details)
