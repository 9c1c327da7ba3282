-- Proves the type of the keys that partition.lua has not read: each read fails if the key has
-- another one, and that must not happen between two writes.
-- @include partition
redis.call('HLEN', STOCK)
redis.call('HLEN', BUCKETS)
redis.call('ZCARD', EXPIRY)
redis.call('XLEN', EVENTS)
