-- Payments for a reservation that has one. Each is a field of the archive, so that a payment costs
-- the same however many came before it.
-- @include partition, may_write, stored_values, records, event_log, record_changes
-- @include transferred_records, earlier_records

-- By state: the answer to the reservation's own payment; by reason: to another one.
local answer_to = {
  [IS_CONFIRMED] = 'P', [IS_CONFIRMED_LATE] = 'Q', [IS_REFUNDED] = 'B',
  [DUE_SOLD_OUT] = 'S', [DUE_LIMIT] = 'L', [DUE_ENDED] = 'E', [DUE_RELEASED] = 'D', [DUPLICATE] = 'U',
}

local function payment_field(record, bucket, payment)
  return 'p' .. bucket .. record[NONCE] .. payment
end

-- The answer to a payment that was recorded before, or nil.
local function further_payment(record, bucket, payment)
  local reason = payment ~= '' and from_archive(payment_field(record, bucket, payment))
  if reason then return answer_to[tonumber(reason)] end
end

local function add_further_payment(record, bucket, payment, reason)
  save_records = save_changes
  archived = archived + 1
  archive_changes[payment_field(record, bucket, payment)] = reason
  archive_changes['f' .. bucket .. record[NONCE]] = ''
  local subject = cmsgpack.pack(bucket .. record[NONCE], payment, record[STATE])
  emit_many(REFUND_DUE_FURTHER, reason, bucket, record[NONCE], record, subject)
  return answer_to[reason]
end

-- The answer of a reservation that was transferred. A recovery records what was told before.
local function paid_before(record, bucket, payment, final)
  local status, details = moved(record, bucket)
  local reason = payment ~= '' and from_archive(payment_field(record, bucket, payment))
  if payment ~= '' and final > 1 and bypass_freeze == 1 and not reason then
    if late then return 'T' end
    add_further_payment(record, bucket, payment, final)
  end
  details[6], details[7] = tonumber(reason or 0), earlier_of(record, bucket)
  return status, details
end

-- A payment for a reservation that has an answer for its own payment, which is another one.
local function paid_again(record, bucket, in_archive, payment, final)
  local earlier = record[PAYMENT] == '' and '' or earlier_of(record, bucket)
  if earlier ~= '' and final <= 1 and bypass_freeze == 0 then return 'N', { earlier } end
  if late then return 'T' end
  local state = record[STATE]
  if record[PAYMENT] == '' and final <= 1 then
    set_payment(record, payment)
    change(record, bucket, in_archive, state, PAID, state)
    return answer_to[state]
  end
  local was_due = state >= DUE_SOLD_OUT and state <= DUE_RELEASED
  return add_further_payment(record, bucket, payment, final > 1 and final or was_due and state or DUPLICATE)
end
