-- Reads what was ever sent to other partitions and received from them.
-- Columns: token, deadline, floor, count
--   count: how many ask; all get the same answer
-- Statuses: W transfers. Details, once: field, packed units, field, packed units, ... as in TRANSFERS
-- Writes: nothing.
-- @include partition, read_only
return reply(('W'):rep(call[4]), { redis.call('HGETALL', TRANSFERS) })
