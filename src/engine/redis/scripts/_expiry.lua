-- Lapsed holds: given back before anybody is refused for want of them, a bounded number in one call.
local SWEEP_AT_ONCE = 4096 -- holds looked at in one call, some 10 ms of the server's time
local budget, more_lapsed = SWEEP_AT_ONCE, true
local swept, watched = {}, {}

local function lapse(bucket, record)
  set_state(record, IS_EXPIRED)
  move_cart(lines_of(record[ITEMS]), HELD, AVAILABLE)
  emit_many(EXPIRED_EVENT, 0, bucket, record[NONCE])
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

-- Sweeps the next few index entries that are due. False when there is nothing more to sweep, or the budget is spent.
local function sweep_some()
  if not more_lapsed or budget <= 0 then return false end
  local members = redis.call('ZRANGE', EXPIRY, '-inf', string.format('%.0f', now), 'BYSCORE', 'LIMIT', #swept, 4)
  if #members == 0 then
    more_lapsed = false
    return false
  end
  local buckets = {}
  for _, member in ipairs(members) do
    swept[#swept + 1] = member
    for i = 7, #member, 6 do buckets[#buckets + 1] = member:sub(i, i + 5) end
  end
  budget = budget - #buckets
  load_buckets(buckets)
  for _, bucket in ipairs(buckets) do lapse_bucket(bucket) end
  return true
end

-- Sweeps until a SKU has so many units. Then: true, false (there are no more), or nil (not known within the budget).
local function available_units(sku, quantity)
  while counts(sku)[AVAILABLE] < quantity do
    if not sweep_some() then
      if more_lapsed then return nil end
      return false
    end
  end
  return true
end

-- The first SKU of a cart that lacks units, after sweeping for it; 'retry' when that was not known within the budget.
local function lacking(lines)
  for i = 1, #lines, 2 do
    local enough = available_units(lines[i], lines[i + 1])
    if enough == nil then return 'retry' end
    if not enough then return lines[i] end
  end
end

-- Enters buckets, a string of 6 bytes each, whose holds lapse at `at`. A number makes the member unique, since the same bucket may come
-- again: each entry stands for at least one event of this call, so the next call's sequence is beyond it.
local function watch_expiry(at, buckets)
  local member = struct.pack('>I6', sequence + #watched / 2) .. buckets
  watched[#watched + 1] = string.format('%.0f', at)
  watched[#watched + 1] = member
end

local function save_expiry()
  expiryCount = expiryCount - #swept + #watched / 2
  for first = 1, #swept, 4000 do
    redis.call('ZREM', EXPIRY, unpack(swept, first, math.min(first + 3999, #swept)))
  end
  if #watched > 0 then redis.call('ZADD', EXPIRY, unpack(watched)) end
end
