-- Reservations. A record is eight msgpack values, a bucket is its records one after another: what a new
-- reservation adds can be appended without decoding what is there.
local STATE, PAYMENT, CREATED, HOLD, NONCE, BUYER, KEY, ITEMS = 1, 2, 3, 4, 5, 6, 7, 8
local RECORD = 8
--   STATE     a code below      PAYMENT  payment id or ''         CREATED  ms since the sale's epoch
--   HOLD      ms until expiry, 0 for the sale's own holdMs        NONCE    6 bytes, unique in its bucket
--   BUYER     as given          KEY      as given or ''           ITEMS    sku, quantity, ... packed
local IS_HELD, IS_CONFIRMED, IS_RELEASED, IS_EXPIRED, IS_REFUNDED = 0, 1, 2, 3, 4
local IS_CONFIRMED_LATE = 5
-- "Refund due" was answered: an expired one for want of stock, for the limit, for the end of the sale; a released one.
local DUE_SOLD_OUT, DUE_LIMIT, DUE_ENDED, DUE_RELEASED = 6, 7, 8, 9

-- An active bucket keeps this many ended reservations; older ones move to the archive, so that somebody who reserves and
-- releases all night does not make every request of theirs slower.
local KEEP_ENDED = 8

-- raw: what each loaded bucket holds, false for nothing; lists: decoded, then in place of raw; fresh: field, value, ... of
-- buckets that were empty, to be written before the touched ones.
local raw, lists, touched, is_touched, fresh = {}, {}, {}, {}, {}

local function is_active(state)
  return state == IS_HELD or state == IS_CONFIRMED or state == IS_CONFIRMED_LATE
end

local function touch(bucket)
  if not is_touched[bucket] then
    is_touched[bucket] = true
    touched[#touched + 1] = bucket
  end
end

-- Reads the buckets that are not known yet with one HMGET.
local function load_buckets(buckets)
  local wanted = {}
  for _, bucket in ipairs(buckets) do
    if raw[bucket] == nil then
      raw[bucket] = false
      wanted[#wanted + 1] = bucket
    end
  end
  if #wanted == 0 then return end
  local found = read_fields(BUCKETS, wanted)
  for i = 1, #wanted do raw[wanted[i]] = found[i] end
end

local function split(list, values, first)
  for i = first, #values, RECORD do
    list[#list + 1] = { unpack(values, i, i + RECORD - 1) }
  end
end

local function decode(packed)
  local list = {}
  if #packed < 4096 then -- a record has 17 bytes at least, and unpack fails near 8,000 values
    local values = { cmsgpack.unpack(packed) }
    if #values == RECORD then
      values.packed = packed
      return { values }
    end
    split(list, values, 1)
    return list
  end
  local offset = 0
  while offset >= 0 do
    local values = { cmsgpack.unpack_limit(packed, 128 * RECORD, offset) }
    offset = values[1]
    split(list, values, 2)
  end
  return list
end

-- A record may remember its packed form; whoever changes a field by hand must forget it.
local function encode(record)
  local packed = record.packed
  if not packed then
    packed = cmsgpack.pack(unpack(record, 1, RECORD))
    record.packed = packed
  end
  return packed
end

local function set_state(record, state)
  record[STATE] = state
  -- The state is the first byte: nearly every change there is needs no packing.
  if record.packed then record.packed = string.char(state) .. record.packed:sub(2) end
end

local function set_payment(record, payment)
  if payment == record[PAYMENT] then return end
  local packed = record.packed
  if packed and record[PAYMENT] == '' then
    record.packed = packed:sub(1, 1) .. cmsgpack.pack(payment) .. packed:sub(3)
  else
    record.packed = nil
  end
  record[PAYMENT] = payment
end

-- The decoded records of a loaded bucket. Change them in place, then call touch.
local function records(bucket)
  local list = lists[bucket]
  if not list then
    list = raw[bucket] and decode(raw[bucket]) or {}
    lists[bucket] = list
  end
  return list
end

local lines_by_items = {}

-- A cart as sku, quantity, sku, quantity, ...
local function lines_of(items)
  local lines = lines_by_items[items]
  if not lines then
    lines = { cmsgpack.unpack(items) }
    lines_by_items[items] = lines
  end
  return lines
end

local function expires_at(record)
  local hold = record[HOLD]
  return epoch + record[CREATED] + (hold == 0 and holdMs or hold)
end

-- Adds an encoded record to a loaded bucket.
local function append(bucket, packed)
  local list = lists[bucket]
  if list then
    list[#list + 1] = decode(packed)[1]
  else
    raw[bucket] = (raw[bucket] or '') .. packed
  end
  touch(bucket)
end

-- The archive: 'r', bucket, nonce -> record; 'k', bucket, buyer and key packed -> nonce. Changes wait for the commit.
local archive_changes = {}

local function from_archive(field)
  local changed = archive_changes[field]
  if changed ~= nil then return changed end
  return archived > 0 and redis.call('HGET', ARCHIVE, field)
end

local function record_field(bucket, record)
  return 'r' .. bucket .. record[NONCE]
end

local function key_field(bucket, buyer, key)
  return 'k' .. bucket .. cmsgpack.pack(buyer, key)
end

local function set_archived(bucket, record, packed, nonce)
  archive_changes[record_field(bucket, record)] = packed
  if record[KEY] ~= '' then archive_changes[key_field(bucket, record[BUYER], record[KEY])] = nonce end
end

local function to_archive(bucket, record)
  archived = archived + 1
  set_archived(bucket, record, encode(record), record[NONCE])
end

-- Moves the oldest ended records beyond KEEP_ENDED to the archive.
local function spill(bucket)
  local list, kept, surplus = records(bucket), {}, -KEEP_ENDED
  for _, record in ipairs(list) do
    if not is_active(record[STATE]) then surplus = surplus + 1 end
  end
  if surplus <= 0 then return end
  for _, record in ipairs(list) do
    if surplus > 0 and not is_active(record[STATE]) then
      surplus = surplus - 1
      to_archive(bucket, record)
    else
      kept[#kept + 1] = record
    end
  end
  lists[bucket] = kept
end

-- The reservation with this nonce, and whether it lies in the archive.
local function find(bucket, nonce)
  for _, record in ipairs(records(bucket)) do
    if record[NONCE] == nonce then return record, false end
  end
  local packed = from_archive('r' .. bucket .. nonce)
  if packed then return decode(packed)[1], true end
  return nil, false
end

local function find_key(bucket, buyer, key)
  for _, record in ipairs(records(bucket)) do
    if record[KEY] == key and record[BUYER] == buyer then return record end
  end
  local nonce = from_archive(key_field(bucket, buyer, key))
  if nonce then return (find(bucket, nonce)) end
end

-- Keeps a changed record where it lies; one that became active again returns from the archive to its bucket.
local function keep(bucket, record, in_archive)
  if not in_archive then return touch(bucket) end
  if not is_active(record[STATE]) then
    archive_changes[record_field(bucket, record)] = encode(record)
    return
  end
  archived = archived - 1
  set_archived(bucket, record, false, false)
  append(bucket, encode(record))
end

local function save_archive()
  for field, value in pairs(archive_changes) do
    if value then redis.call('HSET', ARCHIVE, field, value) else redis.call('HDEL', ARCHIVE, field) end
  end
end

-- Units of every SKU that the buyer has held or confirmed, in a bucket whose lapsed holds are swept.
local function taken_by(bucket, buyer)
  local taken = {}
  for _, record in ipairs(records(bucket)) do
    if record[BUYER] == buyer and is_active(record[STATE]) then
      local lines = lines_of(record[ITEMS])
      for i = 1, #lines, 2 do
        taken[lines[i]] = (taken[lines[i]] or 0) + lines[i + 1]
      end
    end
  end
  return taken
end

-- The first SKU of a cart that would pass the buyer's limit, with the limit and what is taken.
local function over_limit(lines, taken)
  for i = 1, #lines, 2 do
    local limit = counts(lines[i])[LIMIT]
    local has = taken[lines[i]] or 0
    if limit >= 0 and has + lines[i + 1] > limit then return lines[i], limit, has end
  end
end

local function save_buckets()
  local out = fresh
  for _, bucket in ipairs(touched) do
    local list = lists[bucket]
    if list and #list > KEEP_ENDED then
      spill(bucket)
      list = lists[bucket]
    end
    local packed = raw[bucket]
    if list then
      if #list == 1 then
        packed = encode(list[1])
      else
        local parts = {}
        for i, record in ipairs(list) do parts[i] = encode(record) end
        packed = table.concat(parts)
      end
    end
    out[#out + 1] = bucket
    out[#out + 1] = packed
  end
  if #out > 0 then bucketCount = bucketCount + write_fields(BUCKETS, out) end
end
