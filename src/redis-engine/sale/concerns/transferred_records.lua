-- Where reservations went that were transferred, see src/engine/transfer-commands.ts. A field of
-- the archive:
--   't', bucket, nonce -> the id under which it left, the receiver, its present id, its state
--                         before, and the receiver's household or '', packed
-- @include stored_values, records

-- The status of every command on such a record; its details are its nonce, the id under which it
-- left, the present one, the receiver, and 1 if it has arrived for certain.
local function moved(record, bucket)
  local first, receiver, present = cmsgpack.unpack(from_archive('t' .. bucket .. record[NONCE]))
  return 'V', { record[NONCE], first, present, receiver, record[STATE] == IS_DEPARTED and 0 or 1 }
end
