-- The stored form of reservations: in the bucket of their buyer, or in the archive.
-- @include lists, partition, stored_values

-- The buckets that this call needs, read once and written once. raw: the content of each loaded
-- bucket, false for none; lists: the same decoded, which then replaces raw; written: field, value,
-- ... of buckets to be written; archive_changes: field -> value, see below.
local raw, lists, written, archive_changes = {}, {}, {}, {}
-- Saves the changes of records, if there are any, see record_changes.lua.
local save_records

-- Reads the buckets that are not known yet with one HMGET.
local function load_buckets(buckets)
  local wanted = {}
  for _, bucket in ipairs(buckets) do
    if raw[bucket] == nil then
      raw[bucket] = false
      wanted[#wanted + 1] = bucket
    end
  end
  local found = read_fields(BUCKETS, wanted)
  for i, bucket in ipairs(wanted) do raw[bucket] = found[i] end
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

-- The records of a bucket, each with its packed form. Code that changes a field by itself must
-- clear the packed form.
local function decode(packed)
  local list, offset = {}, 0
  while offset >= 0 do -- -1 after the last
    local following, state, payment, created, hold, nonce, buyer, key, items, first, household =
      cmsgpack.unpack_limit(packed, RECORD, offset)
    list[#list + 1] = {
      state, payment, created, hold, nonce, buyer, key, items, first, household, packed = packed:sub(offset + 1, following),
    }
    offset = following
  end
  return list
end

local function encode(record)
  local packed = record.packed
  if not packed then
    packed = cmsgpack.pack(unpack(record, 1, RECORD))
    record.packed = packed
  end
  return packed
end

-- The items of the request that made a reservation: a key is compared with them.
local function first_items(record)
  local first = record[FIRST]
  if first == '' then return record[ITEMS] end
  return first:sub(cmsgpack.unpack_limit(first, 2) + 1)
end

-- How often the cart of a reservation was changed.
local function times_changed(record)
  if record[FIRST] == '' then return 0 end
  local _, times = cmsgpack.unpack_one(record[FIRST])
  return times
end

-- The cart before the first part of the order was refunded, as in FIRST.
local function ordered_of(record)
  if record[FIRST] == '' then return '' end
  local _, _, ordered = cmsgpack.unpack_limit(record[FIRST], 2)
  return ordered
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

-- The archive has the records for which a bucket has no room, see record_changes.lua. Nothing
-- leaves it. Its fields:
--   'r', bucket, nonce                   -> record
--   'k', bucket, buyer and key packed    -> nonce
--   'i', bucket, buyer packed            -> nonce of the buyer's latest record here
--   'o', bucket, nonce                   -> nonce of the same buyer's record before, or ''
--   'u', bucket, buyer and block packed  -> units that the buyer's records here hold or have
--                                           confirmed, of a block of 64 SKUs
--   'v', bucket, household, block packed -> the same of a household's records
--   't', bucket, nonce                   -> where a reservation went, see transferred_records.lua
--   'h', buyer                           -> the buyer's household, see bind.lua
--   'n', bucket, nonce                   -> '' for the id of a transfer that was declined
--   'e', bucket, nonce                   -> the id of the record that was transferred to it, or of
--                                           one before that, if it has further payments
--   'p', bucket, nonce, payment id       -> the reason of a further payment, see
--                                           further_payments.lua
--   'f', bucket, nonce                   -> '' if it has such a payment
--   'q', bucket, nonce, key              -> restock 0 or 1, and the ITEMS of a part, packed, of a
--                                           refund, see keyed_refunds.lua
--   'q', bucket, nonce                   -> units of the parts of all these refunds
-- Changes wait for the commit in archive_changes, by field.
local function from_archive(field)
  local changed = archive_changes[field]
  if changed ~= nil then return changed end
  return archived > 0 and redis.call('HGET', ARCHIVE, field)
end

-- The reservation with this nonce, and whether it is in the archive.
local function find(bucket, nonce)
  for _, record in ipairs(records(bucket)) do
    if record[NONCE] == nonce then return record, false end
  end
  local packed = from_archive('r' .. bucket .. nonce)
  if packed then return decode(packed)[1], true end
  return nil, false
end

local function latest_field(bucket, buyer)
  return 'i' .. bucket .. cmsgpack.pack(buyer)
end

-- Answers the buyer's records one after another, the latest first; nil after the last.
--   i: the index in the bucket to go on before; nonce: that of the archived record to go on before
local function next_of_buyer(bucket, buyer, i, nonce)
  local list = records(bucket)
  for at = i - 1, 1, -1 do
    if list[at][BUYER] == buyer then return list[at], at end
  end
  nonce = from_archive(nonce and 'o' .. bucket .. nonce or latest_field(bucket, buyer))
  if nonce and nonce ~= '' then return find(bucket, nonce), 1, nonce end
end
