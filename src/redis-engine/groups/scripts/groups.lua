-- All groups.
-- Columns: incarnation, deadline, min_time, count
--   count: the items, which all get the same answer
-- Statuses: W groups. Details, once: fields and values of GROUPS; first
-- Writes: nothing.
-- @include consumer_groups, stream_trim
local statuses = {}
for i = 1, call[4] do statuses[i] = 'W' end
return reply(statuses, { of_other_sale and {} or redis.call('HGETALL', GROUPS), first_left() })
