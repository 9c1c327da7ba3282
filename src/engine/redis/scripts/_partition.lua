-- Shared head of every script but create and describe: opens the partition, and commits what the command changed.
--
-- KEYS, the same for every script:
local META, STOCK, BUCKETS, EXPIRY, EVENTS, ARCHIVE, RESTOCKS = unpack(KEYS)
--   META      hash    rules: JSON; static: token, epoch, opensAt, closesAt, holdMs, maxHoldMs, SKU count (opensAt,
--                     closesAt -1 for none); live: last time, sequence, paused, ended, archived, bucket count
--   STOCK     hash    SKU index -> available, held, confirmed, total, inTransit, limit (-1 for none)
--   BUCKETS   hash    6 bytes of the buyer's hash -> that bucket's reservations, see _records.lua
--   EXPIRY    zset    expiry in epoch ms -> the entry of EVENTS whose holds may lapse then, see _expiry.lua; whoever
--                     trims EVENTS leaves the entries named here
--   EVENTS    stream  <first sequence>-0 -> time, then groups of type, argument, subject, see _events.lua
--   ARCHIVE   hash    ended reservations that overflowed their bucket, see _records.lua
--   RESTOCKS  hash    key -> sku, quantity, applied
-- ARGV[1]: msgpack values one after another: token, deadline, floor, then the command's own columns.
-- Reply: outcome, now, sequence, epoch, holdMs, statuses (one character an item), then details in order of the items.
local call = { cmsgpack.unpack(ARGV[1]) }
local deadline = call[2]

local time = @TIME@
local now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), call[3])

local opened = redis.call('HMGET', META, 'static', 'live')
if not (opened[1] and opened[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', now }
end
local token, epoch, opensAt, closesAt, holdMs, maxHoldMs, skuCount = cmsgpack.unpack(opened[1])
local lastNow, sequence, paused, ended, archived, bucketCount, expiryCount, restockCount = cmsgpack.unpack(opened[2])

-- A key is there from its first entry on. One that is missing has been lost, and with it what somebody was promised.
local expected_keys = 2
for _, entries in ipairs({ sequence, archived, bucketCount, expiryCount, restockCount }) do
  if entries > 0 then expected_keys = expected_keys + 1 end
end
if token ~= call[1] or redis.call('EXISTS', unpack(KEYS)) ~= expected_keys then return { 'lost', now } end
now = math.max(now, lastNow)

local late = now > deadline

local function has_ended()
  return ended == 1 or (closesAt >= 0 and now >= closesAt)
end

-- The sale's state in one letter: ended, not started, paused, open.
local function sale_state()
  if has_ended() then return 'E' end
  if now < opensAt then return 'N' end
  if paused == 1 then return 'P' end
  return 'O'
end

-- HMGET of any number of fields: unpack fails near 8,000 values.
local function read_fields(key, fields)
  if #fields <= 4000 then return redis.call('HMGET', key, unpack(fields)) end
  local values = {}
  for first = 1, #fields, 4000 do
    local last = math.min(first + 3999, #fields)
    for i, value in ipairs(redis.call('HMGET', key, unpack(fields, first, last))) do
      values[first + i - 1] = value
    end
  end
  return values
end

-- HSET of any number of field, value pairs; returns how many fields are new.
local function write_fields(key, pairs_)
  local added = 0
  for first = 1, #pairs_, 4000 do
    added = added + redis.call('HSET', key, unpack(pairs_, first, math.min(first + 3999, #pairs_)))
  end
  return added
end
