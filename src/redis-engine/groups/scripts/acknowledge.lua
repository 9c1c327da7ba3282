-- Stores a consumer's progress, and renews the lease.
-- Columns: incarnation, deadline, min_time, acknowledgements
--   acknowledgements: of each item { group, consumer, epoch, leaseMs, position, parks, unparks,
--     olderThanMs, maxEvents }; olderThanMs -1: no trimming
--   parks: sequence, 1 for dead or 0, record, ...; unparks: sequences
-- Statuses: A acknowledged   F fenced   G gone   T retry
-- Details: A until, first
-- Writes: GROUPS, PARKED, EVENTS.
-- @include consumer_groups, group_changes, parked_events, stream_trim
local parks_any, trims_any = false, false
for _, item in ipairs(call[4]) do
  parks_any = parks_any or #item[6] > 0 or #item[7] > 0
  trims_any = trims_any or item[8] >= 0
end
local refused = refused_command(parks_any, trims_any)
if refused then return { 'denied', now, refused } end
-- @rarely forget_event, park_event, trim
local forget, park, trim_stream
if parks_any or trims_any then forget, park, trim_stream = rare() end
local statuses, details = {}, {}

local function acknowledge(name, consumer, epoch, lease_ms, position, parks, unparks, older_than, max_events)
  local group = group_of(name)
  if not group then return 'G' end
  if group[EPOCH] ~= epoch or group[CONSUMER] ~= consumer then return 'F' end
  if late then return 'T' end
  group[POSITION] = math.max(group[POSITION], math.min(position, sequence))
  group[UNTIL] = now + lease_ms
  change(name)
  for i = 1, #parks, 3 do
    forget(group, parks[i])
    park(group, parks[i], parks[i + 1] == 1, parks[i + 2])
  end
  for _, event_sequence in ipairs(unparks) do forget(group, event_sequence) end
  if older_than >= 0 then trim_stream(older_than, max_events) end
  details[#details + 1] = group[UNTIL]
  details[#details + 1] = first_left()
  return 'A'
end

for i, item in ipairs(call[4]) do statuses[i] = acknowledge(unpack(item)) end
return finish(statuses, details)
