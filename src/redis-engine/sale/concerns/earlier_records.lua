-- Where reservations came from that were transferred.
-- @include stored_values, records

-- The id of the record before it that has further payments, or ''.
local function earlier_of(record, bucket)
  return from_archive('e' .. bucket .. record[NONCE]) or ''
end
