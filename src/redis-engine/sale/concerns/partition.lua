-- Opens the partition, for every script but create, describe and rebuild.
--
-- KEYS, the same for every script:
-- @include time
local META, STOCK, BUCKETS, EXPIRY, EVENTS, ARCHIVE, RESTOCKS, TRANSFERS = unpack(KEYS)
--   META      hash    rules: JSON; static: layout, token, epoch, opensAt, closesAt, holdMs, maxHoldMs, SKU count (opensAt,
--                     closesAt -1 for none); live: last time, sequence, paused, ended, archived, bucket count,
--                     expiry count, restock count, line, frozen, mark of the latest event, transfer count, returns, since,
--                     by how much the last time is ahead of the clock;
--                     complete: there once a sale of several partitions is
--   STOCK     hash    SKU index -> available, held, confirmed, total, inTransit (sent less received), limit (-1 for none)
--   BUCKETS   hash    6 bytes of the buyer's hash -> the latest of that bucket's reservations, see records.lua
--   EXPIRY    zset    expiry in epoch ms -> the entry of EVENTS whose holds may lapse then, see expiry.lua; whoever
--                     trims EVENTS leaves the entries named here
--   EVENTS    stream  <first sequence>-0 -> time, then groups of type, argument, subject, see event_log.lua
--   ARCHIVE   hash    reservations that their bucket has no room for, see records.lua
--   RESTOCKS  hash    key -> sku, quantity, applied
--   TRANSFERS hash    s or r, another partition, a block of SKUs -> all of these ever sent there, received from there, see stock_transfers.lua
-- ARGV[1]: msgpack values one after another: token, deadline, floor, then the command's own columns. The token comes as an array: token,
--   line, sequence and mark that the caller has seen last, this call's mark, 1 for a call that recovers. See "History" in src/engine/engine.ts.
-- Reply: outcome, now, sequence, epoch, holdMs, statuses (one character an item), line, mark, by how much `now` is ahead of the clock, then
--   details in order of the items.
local call = { cmsgpack.unpack(ARGV[1]) }
local token_known, seen_line, seen_sequence, seen_mark, mark, recovers = unpack(call[1])
local deadline = call[2]

local opened = redis.call('HMGET', META, 'static', 'live')
if not (opened[1] and opened[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', clock }
end
local layout, token, epoch, opensAt, closesAt, holdMs, maxHoldMs, skuCount = cmsgpack.unpack(opened[1])
-- What another version of this library has stored is not understood. Before there were layouts, the token came first.
if layout ~= @LAYOUT@ then return { 'incompatible', clock, layout } end
local lastNow, sequence, paused, ended, archived, bucketCount, expiryCount, restockCount, line, frozen, tip, transferCount,
  returns, since, lastAhead = cmsgpack.unpack(opened[2])

-- A key is there from its first entry on. One that is missing has been lost, and with it what somebody was promised.
-- Asked for by its length, which fails where the key holds something else.
local function is_there(command, key, entries)
  return (redis.call(command, key) > 0) == (entries > 0)
end
if token ~= token_known or not (
  is_there('HLEN', STOCK, 1) and is_there('HLEN', BUCKETS, bucketCount) and is_there('ZCARD', EXPIRY, expiryCount)
  and is_there('XLEN', EVENTS, sequence) and is_there('HLEN', ARCHIVE, archived) and is_there('HLEN', RESTOCKS, restockCount)
  and is_there('HLEN', TRANSFERS, transferCount)
) then return { 'lost', clock } end
local now, ahead, set_back = time_since(lastNow, lastAhead, call[3])

-- The reply of a call that was carried out.
local function reply(statuses, details)
  local values = { 'done', now, sequence, epoch, holdMs, statuses, line, tip, now - clock }
  for i = 1, #details do values[9 + i] = details[i] end
  return values
end

-- Where the sale stands by its times and by what was commanded.
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
