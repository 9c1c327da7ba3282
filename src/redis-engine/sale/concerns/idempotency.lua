-- Repeated requests: a key of a buyer makes one reservation, however often it is sent.
-- @include stored_values, records, record_changes, expiry

-- The reservation that the buyer made with this key.
local function find_key(bucket, buyer, key)
  for _, record in ipairs(records(bucket)) do
    if record[KEY] == key and record[BUYER] == buyer then return (find_now(bucket, record[NONCE])) end
  end
  local nonce = from_archive(key_field(bucket, buyer, key))
  if nonce then return (find_now(bucket, nonce)) end
end

-- The status of a request that was decided before, or nil; the buyer; the reservation of the
-- status. A key that came with another cart before is a conflict.
local function decided_before(bucket, fragment)
  local nonce, buyer, key, items, first = cmsgpack.unpack(fragment)
  local record = find_now(bucket, nonce)
  if record then return record[STATE] >= IS_DEPARTED and 'V' or 'Q', buyer, record end
  record = key ~= '' and find_key(bucket, buyer, key)
  if not record then return nil, buyer end
  if first_items(record) ~= first_items({ [ITEMS] = items, [FIRST] = first }) then return 'C', buyer, record end
  if record[STATE] >= IS_DEPARTED then return 'V', buyer, record end
  return is_active(record[STATE]) and 'P' or 'K', buyer, record
end
