-- Lapsed holds: given back before anybody is refused for want of them, a bounded number in one call.
local SWEEP_AT_ONCE = 4096 -- holds looked at in one call, some 10 ms of the server's time
local budget, more_lapsed = SWEEP_AT_ONCE, true
local swept, watched = {}, {}
-- Set when the events that name the holds are gone: then nothing may be decided, see _commit.lua.
local history_lost = false

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

-- An index entry names the event entry whose holds lapse then, so no bucket is kept twice: `<first sequence>/<expiry>`.
-- Adds the buckets of those that are due.
local function add_due(member, buckets)
  local id = member:match('^%d+') .. '-0'
  local entry = redis.call('XRANGE', EVENTS, id, id)[1]
  if not entry then
    history_lost = true
    return
  end
  local values = { cmsgpack.unpack(entry[2][2]) }
  local at = values[1]
  for i = 2, #values, 3 do
    local kind, argument, subject = values[i], values[i + 1], values[i + 2]
    local expiry = kind == RESERVED and at + argument or kind == EXTENDED and argument
    if expiry and now >= expiry then
      for j = 1, #subject / 2, 6 do buckets[#buckets + 1] = subject:sub(j, j + 5) end
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
    add_due(member, buckets)
  end
  budget = budget - math.max(#buckets, 1)
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

-- Holds that this call writes events of lapse at this time.
local function watch_expiry(at)
  watched[at] = true
end

local function save_expiry()
  expiryCount = expiryCount - #swept
  for first = 1, #swept, 4000 do
    redis.call('ZREM', EXPIRY, unpack(swept, first, math.min(first + 3999, #swept)))
  end
  for at in pairs(watched) do
    local expiry = string.format('%.0f', at)
    redis.call('ZADD', EXPIRY, expiry, string.format('%.0f/', sequence + 1) .. expiry)
    expiryCount = expiryCount + 1
  end
end
