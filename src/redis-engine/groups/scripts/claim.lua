-- Takes or renews leases.
-- Columns: incarnation, deadline, min_time, claims
--   claims: of each item { group, consumer, leaseMs, start }
--   start: 0 at the beginning, 1 after the latest event
-- Statuses: C claimed   B busy   T retry
-- Details: C epoch, position, until, then members of PARKED, at the first such item of a group
--   only; B consumer, until
-- Writes: GROUPS.
-- @include consumer_groups, group_changes, parked_events
local refused = refused_command()
if refused then return { 'denied', now, refused } end
-- @rarely waiting_of
local statuses, details, told = {}, {}, {}

local function claim(name, consumer, lease_ms, start)
  local group = group_of(name)
  local own = group and group[EPOCH] > 0 and group[CONSUMER] == consumer
  if group and not own and now < group[UNTIL] then
    details[#details + 1] = group[CONSUMER]
    details[#details + 1] = group[UNTIL]
    return 'B'
  end
  if late then return 'T' end
  begin()
  group = group or make_group(name, start == 1 and sequence or 0)
  if not own then group[EPOCH] = group[EPOCH] + 1 end
  group[CONSUMER], group[UNTIL] = consumer, now + lease_ms
  change(name)
  details[#details + 1] = group[EPOCH]
  details[#details + 1] = group[POSITION]
  details[#details + 1] = group[UNTIL]
  if not told[name] then
    details[#details + 1] = group[WAITING] > 0 and rare()(group) or {}
  end
  told[name] = true
  return 'C'
end

for i, item in ipairs(call[4]) do statuses[i] = claim(unpack(item)) end
return finish(statuses, details)
