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
  local function add(following, ...)
    local record = { ... }
    record.packed = packed:sub(offset + 1, following)
    list[#list + 1] = record
    offset = following -- -1 after the last
  end
  while offset >= 0 do add(cmsgpack.unpack_limit(packed, RECORD, offset)) end
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
--   'u', bucket, buyer and block packed  -> units that the buyer's records here hold or have
--                                           confirmed, of a block of 64 SKUs
--   'p', bucket, nonce, payment id       -> the reason of a further payment, see
--                                           further_payments.lua
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
