-- Retries dead events, or discards them.
-- Columns: incarnation, deadline, min_time, revivals
--   revivals: of each item { group, sequences, retries }
--   retries: 1 retries, 0 discards
-- Statuses: R revived   T retry
-- Details: R the number of dead events
-- Writes: GROUPS, PARKED.
-- @include consumer_groups, group_changes, parked_events
local refused = refused_command(true)
if refused then return { 'denied', now, refused } end
local statuses, details = {}, {}

local function dead_member(group, event_sequence)
  local first, last = only(group, 'd', event_sequence)
  return redis.call('ZRANGE', PARKED, first, last, 'BYLEX')[1]
end

local function revive(name, sequences, retries)
  local group, count = group_of(name), 0
  if group and group[DEAD] ~= 0 then
    for _, event_sequence in ipairs(sequences) do
      local member = dead_member(group, event_sequence)
      if member then
        if late then return 'T' end
        count = count + 1
        forget_event(group, event_sequence)
        if retries == 1 then
          local _, _, event = cmsgpack.unpack(member:sub(#prefix_of(group, 'd', event_sequence) + 1))
          park_event(group, event_sequence, false, cmsgpack.pack(0, now, event))
        end
      end
    end
  end
  if count > 0 then change(name) end
  details[#details + 1] = count
  return 'R'
end

for i, item in ipairs(call[4]) do statuses[i] = revive(unpack(item)) end
return finish(statuses, details)
