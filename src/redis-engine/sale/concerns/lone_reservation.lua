-- A call with one reservation of one line, by a buyer who has none, of a SKU with more units.
-- @include partition, may_write, rollback_detection, stored_values, lone_change

-- Returns the reply, or nil if the case is another: then nothing was written.
local function reserve_alone(plan, bucket, fragment, nonce)
  local sku, quantity, more = cmsgpack.unpack(plan[1])
  if more or late or plan[3] or bypass_freeze == 1 or sale_state() ~= 'O' or bucketCount + 1 == TABLE_FROM then return end
  if plan[2] > maxHoldMs or sku >= skuCount then return end
  if redis.call('HGET', BUCKETS, bucket) then return end
  local available, held, confirmed, total, transit, limit, owed, shared, own_rules, returns_to = lone_counts(sku)
  if available <= quantity or shared ~= '' or own_rules ~= '' or (limit >= 0 and quantity > limit) then return end
  local due = redis.call('ZRANGE', EXPIRY, '-inf', string.format('%d', now), 'BYSCORE', 'LIMIT', 0, 1)
  if #due > 0 or not (may_change() and redis.acl_check_cmd('ZADD', EXPIRY, '0', 'm')) then return end

  local hold = plan[2] == 0 and defaultHoldMs or plan[2]
  local expiry = string.format('%d', now + hold)
  local member = string.format('%d/', sequence + 1) .. expiry
  local record = cmsgpack.pack(IS_HELD, '', now - epoch, hold == holdMs and 0 or hold) .. fragment
  local counts = cmsgpack.pack(available - quantity, held + quantity, confirmed, total, transit, limit, owed, shared, own_rules, returns_to)
  expiryCount = expiryCount + 1
  write_alone(RESERVED, hold, bucket, nonce, record, sku, counts)
  redis.call('ZADD', EXPIRY, expiry, member)
  return reply('R')
end

if #call[5] == 1 then
  local answer = reserve_alone(call[4][1], call[5][1], call[6][1], call[7])
  if answer then return answer end
end
