-- Proves that the keys that partition.lua has only counted are there, and their type: a read fails
-- if the key has another one, and that must not happen between two writes.
-- @include time, partition
if not (
  redis.call('HLEN', STOCK) > 0
  and (redis.call('HLEN', BUCKETS) > 0) == (bucketCount > 0)
  and (redis.call('ZCARD', EXPIRY) > 0) == (expiryCount > 0)
  and (redis.call('XLEN', EVENTS) > 0) == (sequence > 0)
) then return { 'lost', clock } end
