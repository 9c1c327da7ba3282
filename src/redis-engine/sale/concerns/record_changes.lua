-- Changes of records, and of the contents of a bucket.
-- @include lists, partition, stored_values, stock_moves, records, event_log

-- A bucket has room for BUCKET_RECORDS records and BUCKET_BYTES bytes, and for one record in any
-- case; the oldest records move to the archive for good. So the reads and writes of a request do
-- not grow with its buyer's reservations.
local BUCKET_RECORDS, BUCKET_BYTES = 8, 1024 -- tuning

local touched = {} -- buckets with changed records
local taken_rows, changed_taken = {}, {} -- units in the archive by field, see records.lua

local function is_active(state)
  return state == IS_HELD or state == IS_CONFIRMED or state == IS_CONFIRMED_LATE or state == IS_DEPARTED
end

local function touch(bucket)
  touched[bucket] = true
end

local function set_state(record, state)
  record[STATE] = state
  -- The state is the first byte: nearly all changes need no packing.
  if record.packed then record.packed = string.char(state) .. record.packed:sub(2) end
end

local function set_payment(record, payment)
  if payment == record[PAYMENT] then return end
  record[PAYMENT] = payment
  record.packed = nil
end

local function record_field(bucket, record)
  return 'r' .. bucket .. record[NONCE]
end

local function key_field(bucket, buyer, key)
  return 'k' .. bucket .. cmsgpack.pack(buyer, key)
end

-- Units by SKU that the archived records of a buyer, or of a household, hold or have confirmed, of
-- the block with this SKU; and the field of this row.
--   whose: BUYER or HOUSEHOLD
local function taken_row(bucket, whose, name, sku)
  local field = (whose == BUYER and 'u' or 'v') .. bucket .. cmsgpack.pack(name, block_of(sku))
  local row = taken_rows[field]
  if not row then
    row = decode_units(from_archive(field))
    taken_rows[field] = row
  end
  return row, field
end

-- Counts the units of an archived record as taken (sign 1), or no longer (-1).
local function count_taken(bucket, record, sign)
  local lines = lines_of(record[ITEMS])
  for whose = BUYER, record[HOUSEHOLD] ~= '' and HOUSEHOLD or BUYER, HOUSEHOLD - BUYER do
    local block, row, field
    lines_moved = lines_moved + #lines / 2
    for i = 1, #lines, 2 do
      local sku = lines[i]
      if block_of(sku) ~= block then
        block = block_of(sku)
        row, field = taken_row(bucket, whose, record[whose], sku)
        changed_taken[field] = row
      end
      row[sku] = (row[sku] or 0) + sign * lines[i + 1]
    end
  end
end

local function to_archive(bucket, record)
  archived = archived + 1
  archive_changes[record_field(bucket, record)] = encode(record)
  if record[KEY] ~= '' then archive_changes[key_field(bucket, record[BUYER], record[KEY])] = record[NONCE] end
  local latest = latest_field(bucket, record[BUYER])
  archive_changes['o' .. bucket .. record[NONCE]] = from_archive(latest) or ''
  archive_changes[latest] = record[NONCE]
  if is_active(record[STATE]) then count_taken(bucket, record, 1) end
end

local function save_changes()
  for bucket in pairs(touched) do
    local list, packed = lists[bucket], raw[bucket]
    if list then
      local parts = {}
      for i, record in ipairs(list) do parts[i] = encode(record) end
      packed = table.concat(parts)
    end
    written[#written + 1] = bucket
    written[#written + 1] = packed
  end
  for field, row in pairs(changed_taken) do archive_changes[field] = encode_units(row) end
  local out = {}
  for field, value in pairs(archive_changes) do
    out[#out + 1] = field
    out[#out + 1] = value
  end
  write_fields(ARCHIVE, out)
end

-- Moves the oldest records of a bucket to the archive, while the bucket has too many.
local function fit(bucket)
  local list, bytes = records(bucket), 0
  for _, record in ipairs(list) do bytes = bytes + #encode(record) end
  while (#list > BUCKET_RECORDS or bytes > BUCKET_BYTES) and #list > 1 do
    local oldest = table.remove(list, 1)
    bytes = bytes - #encode(oldest)
    to_archive(bucket, oldest)
  end
end

-- Adds an encoded record to a loaded bucket.
local function append(bucket, packed)
  save_records = save_changes
  touch(bucket)
  if not (raw[bucket] or lists[bucket]) then
    raw[bucket] = packed
    return
  end
  local list = records(bucket)
  list[#list + 1] = decode(packed)[1]
  fit(bucket)
end

-- Notes where a record came from, unless it is known.
local function set_earlier(bucket, nonce, earlier)
  local field = 'e' .. bucket .. nonce
  if earlier == '' or from_archive(field) then return end
  save_records = save_changes
  archived = archived + 1
  archive_changes[field] = earlier
end

-- Writes a decided change of a reservation: its new state, its event, and where its units go.
-- `subject` as in emit_many. `over_at`: when the hold would have expired, if above 0.
local function change(record, bucket, in_archive, state, event, argument, from, to, subject, over_at)
  save_records = save_changes
  local before = record[STATE]
  if (over_at or 0) > 0 then record[HOLD], record.packed = over_at - epoch - record[CREATED], nil end
  set_state(record, state)
  if in_archive then
    archive_changes[record_field(bucket, record)] = encode(record)
    if is_active(before) ~= is_active(state) then count_taken(bucket, record, is_active(state) and 1 or -1) end
  else
    touch(bucket)
  end
  emit_many(event, argument, bucket, record[NONCE], record, subject)
  if to == AVAILABLE then returns = returns + 1 end
  if from or to then move_cart(lines_of(record[ITEMS]), from, to) end
end

-- Gives a reservation another cart, with its event, as change number `times` of the cart. `ordered`
-- as in FIRST; `subject` as in emit_many.
local function change_cart(record, bucket, in_archive, items, times, ordered, event, argument, subject)
  save_records = save_changes
  local counts_as_taken = in_archive and is_active(record[STATE])
  if counts_as_taken then count_taken(bucket, record, -1) end
  record[FIRST], record[ITEMS], record.packed = cmsgpack.pack(times, ordered) .. first_items(record), items, nil
  emit_many(event, argument, bucket, record[NONCE], record, subject)
  if counts_as_taken then count_taken(bucket, record, 1) end
  if in_archive then
    archive_changes[record_field(bucket, record)] = encode(record)
  else
    touch(bucket)
    fit(bucket)
  end
end
