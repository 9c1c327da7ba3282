-- Holds that have lapsed, given back before anybody looks.
local function expires_at(record)
  local hold = record[HOLD]
  return epoch + record[CREATED] + (hold == 0 and holdMs or hold)
end

local function lapse(bucket, record)
  set_state(record, IS_EXPIRED)
  move_cart(lines_of(record[ITEMS]), HELD, AVAILABLE)
  emit_many(EXPIRED_EVENT, NONE, bucket, record[NONCE])
end

-- Lapses the holds of a bucket that are due, if there are any.
local function lapse_bucket(bucket)
  for _, record in ipairs(records(bucket)) do
    if record[STATE] == IS_HELD and now >= expires_at(record) then
      lapse(bucket, record)
      touch(bucket)
    end
  end
end
