-- The common case of a small call: one reservation of one line changes, and nothing else. It is
-- stored and answered as commit.lua would, for a third of the cost, because nothing is gathered.
-- @include partition, rollback_detection

-- The stored counts of a SKU.
local function lone_counts(sku)
  return cmsgpack.unpack(redis.call('HGET', STOCK, sku))
end

-- Appends the event before anything else is written: then a key of another type, or a permission
-- that is missing, ends the script in time. The other keys have been read, and their permissions
-- were asked for.
local function write_alone(kind, argument, bucket, nonce, record, sku, row)
  local entry = cmsgpack.pack(now, kind, argument, bucket .. nonce)
  redis.call('XADD', EVENTS, string.format('%d-0', sequence + 1), batch_id, entry)
  bucketCount = bucketCount + redis.call('HSET', BUCKETS, bucket, record)
  redis.call('HSET', STOCK, sku, row)
  sequence = sequence + 1
  latest_batch_id = batch_id
  redis.call('HSET', META, 'live', live())
end
