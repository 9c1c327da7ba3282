-- A server can come back with older data than it acknowledged. See "History" in src/engine/sale.ts.
-- @include partition

-- Whether the caller's last seen offset is part of this history: the entry that ends there has the
-- same batch id.
local function remembers_last_seen()
  if last_seen_generation < generation or last_seen_sequence == 0 then return last_seen_generation <= generation end
  if last_seen_generation > generation or last_seen_sequence > sequence then return false end
  if last_seen_sequence == sequence then return last_seen_batch_id == latest_batch_id end
  local entry = redis.call('XREVRANGE', EVENTS, string.format('%d-0', last_seen_sequence), '-', 'COUNT', 1)[1]
  return not entry or entry[2][1] == last_seen_batch_id
end

-- Whether the user may write the keys that nearly every change writes.
local function may_change()
  local may = redis.acl_check_cmd
  return may('HSET', META, 'f', 'v') and may('HSET', STOCK, 'f', 'v') and may('HSET', BUCKETS, 'f', 'v')
end

-- The present value of the field `live` of META.
local function live()
  return cmsgpack.pack(
    now, sequence, paused, ended, archived, bucketCount, expiryCount, restockCount, generation, frozen, latest_batch_id, transferCount,
    returns, since, ahead)
end

-- Events of the present generation after this sequence are not part of the history that
-- the next generation continues.
local function freeze()
  frozen, since = 1, sequence
  redis.call('HSET', META, 'live', live())
end
