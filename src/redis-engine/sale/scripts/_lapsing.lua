-- Holds that have lapsed, given back before a command looks at them.
local function expires_at(record)
  local hold = record[HOLD]
  return epoch + record[CREATED] + (hold == 0 and holdMs or hold)
end

-- Gives a hold back if it has lapsed.
local function lapse_if_due(record, bucket, in_archive)
  if record[STATE] == IS_HELD and now >= expires_at(record) then
    change(record, bucket, in_archive, IS_EXPIRED, EXPIRED_EVENT, NONE, HELD, AVAILABLE)
  end
end

-- As `find`, with the reservation as it is at this time.
local function find_now(bucket, nonce)
  local record, in_archive = find(bucket, nonce)
  if record then lapse_if_due(record, bucket, in_archive) end
  return record, in_archive
end
