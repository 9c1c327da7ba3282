-- Reservations. A record is eight msgpack values, a bucket is its records one after another: what a new
-- reservation adds can be appended without decoding what is there.
local STATE, PAYMENT, CREATED, HOLD, NONCE, BUYER, KEY, ITEMS = 1, 2, 3, 4, 5, 6, 7, 8
local RECORD = 8
--   STATE     a code below      PAYMENT  payment id or ''         CREATED  ms since the sale's epoch
--   HOLD      ms until expiry, 0 for the sale's own holdMs        NONCE    6 bytes, unique in its bucket
--   BUYER     as given          KEY      as given or ''           ITEMS    sku, quantity, ... packed
local IS_CONFIRMED, IS_RELEASED, IS_EXPIRED, IS_REFUNDED = 1, 2, 3, 4 -- and IS_HELD, 0
local IS_CONFIRMED_LATE = 5
-- "Refund due" was answered: an expired one for want of stock, for the limit, for the end of the sale; a released one.
local DUE_SOLD_OUT, DUE_LIMIT, DUE_ENDED, DUE_RELEASED = 6, 7, 8, 9

-- A record has 17 bytes at least, and unpack fails near 8,000 values: a longer bucket is decoded so many records at a time.
local SHORT_BYTES = 4096 -- tuning
local RECORDS_AT_ONCE = 128 -- tuning

local function split(list, values, first)
  for i = first, #values, RECORD do
    list[#list + 1] = { unpack(values, i, i + RECORD - 1) }
  end
end

local function decode(packed)
  local list = {}
  if #packed < SHORT_BYTES then
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
    local values = { cmsgpack.unpack_limit(packed, RECORDS_AT_ONCE * RECORD, offset) }
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

-- The decoded records of a loaded bucket. Change them in place, then call touch.
local function records(bucket)
  local list = lists[bucket]
  if not list then
    list = raw[bucket] and decode(raw[bucket]) or {}
    lists[bucket] = list
  end
  return list
end

-- The archive: 'r', bucket, nonce -> record; 'k', bucket, buyer and key packed -> nonce. What changes waits for the commit
-- in archive_changes, by field: false where it goes.
local function from_archive(field)
  local changed = archive_changes[field]
  if changed ~= nil then return changed end
  return archived > 0 and redis.call('HGET', ARCHIVE, field)
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
