-- Changes of records, and of what a bucket holds.

-- An active bucket keeps this many ended reservations; older ones move to the archive, so that somebody who reserves and
-- releases all night does not make every request of theirs slower.
local KEEP_ENDED = 8 -- tuning

local touched = {} -- buckets with changed records

local function is_active(state)
  return state == IS_HELD or state == IS_CONFIRMED or state == IS_CONFIRMED_LATE
end

local function touch(bucket)
  touched[bucket] = true
end

local function set_state(record, state)
  record[STATE] = state
  -- The state is the first byte: nearly every change there is needs no packing.
  if record.packed then record.packed = string.char(state) .. record.packed:sub(2) end
end

local function set_payment(record, payment)
  if payment == record[PAYMENT] then return end
  record[PAYMENT] = payment
  record.packed = nil
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

function save_records()
  for bucket in pairs(touched) do
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
    written[#written + 1] = bucket
    written[#written + 1] = packed
  end
  for field, value in pairs(archive_changes) do
    if value then redis.call('HSET', ARCHIVE, field, value) else redis.call('HDEL', ARCHIVE, field) end
  end
end
