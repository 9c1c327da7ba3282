-- A call with one reservation of one line, by a buyer who has none, of a SKU with more units.
-- @include partition, may_write, rollback_detection, stored_values, lone_change

-- Returns the reply, or nil if the case is another: then nothing was written.
local function reserve_alone(items, own_hold, without_pass, bucket, fragment, nonce)
  local sku, quantity, more = cmsgpack.unpack(items)
  if more or late or without_pass == 1 or bypass_freeze == 1 or sale_state() ~= 'O' or bucketCount + 1 == TABLE_FROM then return end
  if own_hold > maxHoldMs or sku >= skuCount then return end
  if redis.call('HGET', BUCKETS, bucket) then return end
  local available, held, confirmed, total, transit, limit, owed, shared, own_rules, returns_to = lone_counts(sku)
  if available <= quantity or shared ~= '' or own_rules ~= '' or (limit >= 0 and quantity > limit) then return end
  local due = redis.call('ZCOUNT', EXPIRY, '-inf', now)
  if due > 0 or not (may_change() and redis.acl_check_cmd('ZADD', EXPIRY, '0', 'm')) then return end

  local hold = own_hold == 0 and defaultHoldMs or own_hold
  local member = string.format('%d/%d', sequence + 1, now + hold)
  local record = cmsgpack.pack(IS_HELD, '', now - epoch, hold == holdMs and 0 or hold) .. fragment
  local row = cmsgpack.pack(available - quantity, held + quantity, confirmed, total, transit, limit, owed, shared, own_rules, returns_to)
  expiryCount = expiryCount + 1
  write_alone(RESERVED, hold, bucket, nonce, record, sku, row)
  redis.call('ZADD', EXPIRY, now + hold, member)
  return reply('R')
end

if type(call[4]) == 'string' then
  local answer = reserve_alone(call[4], call[5], call[6], call[7], call[8], call[9])
  if answer then return answer end
end
