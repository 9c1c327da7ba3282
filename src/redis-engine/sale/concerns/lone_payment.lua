-- A call with one payment for a hold of one line, by a buyer who has no other reservation.
-- @include partition, may_write, rollback_detection, stored_values, lone_change

-- Returns the reply, or nil if the case is another: then nothing was written.
local function confirm_alone(reference, buyer, payment)
  local bucket, nonce = reference:sub(1, 6), reference:sub(7)
  local record = not late and redis.call('HGET', BUCKETS, bucket)
  if not record then return end
  local following, state, paid, created, hold, own, owner, key, items, first, household = cmsgpack.unpack_limit(record, RECORD, 0)
  if following >= 0 or state ~= IS_HELD or own ~= nonce or first ~= '' or (buyer ~= '' and buyer ~= owner) then return end
  local sku, quantity, more = cmsgpack.unpack(items)
  if more or now >= epoch + created + (hold == 0 and holdMs or hold) then return end
  if redis.call('ZCARD', EXPIRY) == 0 or not may_change() then return end

  local available, held, confirmed, total, transit, limit, owed, shared, own_rules, returns_to = lone_counts(sku)
  local row = cmsgpack.pack(available, held - quantity, confirmed + quantity, total, transit, limit, owed, shared, own_rules, returns_to)
  if payment == paid then
    record = string.char(IS_CONFIRMED) .. record:sub(2)
  else
    record = cmsgpack.pack(IS_CONFIRMED, payment, created, hold, nonce, owner, key, items, first, household)
  end
  write_alone(CONFIRMED_EVENT, NONE, bucket, nonce, record, sku, row)
  return reply('F', { record })
end

if #call[4] == 1 and bypass_freeze == 0 then
  local answer = confirm_alone(call[4][1], call[5][1], call[6][1])
  if answer then return answer end
end
