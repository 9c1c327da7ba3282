-- What the steps of a transfer share, see src/engine/transfer-commands.ts.
-- @include partition, stored_values, stock_moves, stock_transfers, records, record_changes
-- @include event_log, expiry
local CARRIED = 1024

-- Counts the units of a cart as departed for another partition, or arrived from there.
local function count_carried(way, other, lines, sign)
  local fields = {}
  for i = 1, #lines, 2 do
    local row, field = row_of(way .. (CARRIED + other), lines[i])
    row[lines[i]] = (row[lines[i]] or 0) + sign * lines[i + 1]
    fields[field] = row
  end
  for field, row in pairs(fields) do changed_rows[field] = encode_units(row) end
end

-- The count of a partition's units that a record of this state has.
local function place_of(state)
  return state == IS_HELD and HELD or CONFIRMED
end

-- Where a reservation went: see transferred_records.lua.
local function move_field(record, bucket)
  return 't' .. bucket .. record[NONCE]
end

-- The ids of the reservations on their way.
local function departing()
  return changed_rows.d or redis.call('HGET', TRANSFERS, 'd') or ''
end

-- KEY of the receiver's record, see stored_values.lua.
--   key: that of the record that it comes from; from: the id of that
local function origin_after(key, from)
  local first, transfers, at = from, 0, 0
  if key:byte() == 255 then
    first = key:sub(2, #from + 1)
    transfers, at = key:match('^(%d+):(%d+)$', #from + 2)
  end
  return string.format('\255%s%d:%d', first, transfers + 1, math.max(now, at + 1))
end

-- Makes the receiver's record. `values` are those of the record that it comes from; `expires`: when
-- the hold ends; `earlier`: see earlier_records.lua.
local function take_over(bucket, nonce, receiver, household, values, expires, from, sender, earlier)
  local record = { unpack(values, 1, RECORD) }
  record[NONCE], record[BUYER], record[KEY], record[HOUSEHOLD] = nonce, receiver, origin_after(values[KEY], from), household
  changed_rows['r0/o'] = ''
  append(bucket, encode(record))
  set_earlier(bucket, nonce, earlier)
  local subject = cmsgpack.pack(bucket .. nonce, record[STATE], from, sender)
  emit_many(TRANSFERRED, expires, bucket, nonce, record, subject)
  if record[STATE] == IS_HELD then watch_expiry(expires) end
  return record
end
