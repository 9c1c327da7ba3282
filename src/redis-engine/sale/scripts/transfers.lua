-- Reads all units ever sent to other partitions and received from them.
-- Columns: incarnation, deadline, min_time, count
--   count: the items, which all get the same answer
-- Statuses: W transfers. Details, once: field, packed units, field, packed units, ... as in
--   TRANSFERS
-- Writes: nothing.
-- @include partition, read_only, types
return reply(('W'):rep(call[4]), { redis.call('HGETALL', TRANSFERS) })
