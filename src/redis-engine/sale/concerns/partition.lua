-- Opens the partition, for every script but create, describe and rebuild.
-- @include time

-- The same keys for every script:
local META, STOCK, BUCKETS, EXPIRY, EVENTS, ARCHIVE, RESTOCKS, TRANSFERS = unpack(KEYS)
--   META      hash    rules: JSON, as created; present: JSON, if they were updated
--                     highest: the highest limits of SKUs that were ever in force, where that is
--                     another than the present one, packed as a row of units
--                     shared: the limits that several SKUs share: an array of { units a buyer may
--                     have, the highest that was ever in force, the SKUs packed, the first two of
--                     a household } with -1 for no limit; '' for none
--                     static: layout, incarnation, epoch, opensAt, closesAt (-1 for none), holdMs
--                     of the rules as created (a hold of 0 in a record), maxHoldMs, SKU count;
--                     revision of the rules, 1 if all partitions are known to have them, holdMs,
--                     the longest maxHoldMs that was ever in force (0 before the first update)
--                     live: last time, sequence, paused, ended, archived, bucket count, expiry
--                     count, restock count, generation, frozen, batch id of the latest events,
--                     transfer count, returns, since, how far the last time is ahead of the
--                     clock
--                     complete: 1 once all partitions of the sale exist
--   STOCK     hash    SKU index -> available, held, confirmed, total, inTransit (sent less
--                     received), limit (-1 for none), owed, shared limits, own
--                     rules, the SKU that units return to, see stored_values.lua
--   BUCKETS   hash    6 bytes of the buyer's hash -> the latest reservations of that bucket, see
--                     records.lua
--   EXPIRY    zset    expiry in epoch ms -> the entry of EVENTS whose holds may expire then, see
--                     expiry.lua; trimming EVENTS keeps the entries named here
--   EVENTS    stream  <first sequence>-0 -> batch id: time, then groups of type, argument, subject,
--                     see event_log.lua
--   ARCHIVE   hash    reservations that their bucket has no room for, see records.lua
--   RESTOCKS  hash    keys of restocks, moves and stock counts -> what each did, see remembered.lua
--   TRANSFERS hash    s or r, another partition, a block of SKUs -> all units of these SKUs ever
--                     sent there or received from there, see stock_transfers.lua
-- ARGV[1]: msgpack values one after another: the caller, deadline, min_time, then the command's own
--   columns. The caller is an array: the incarnation; the generation, sequence and batch id that
--   the caller has seen last; the batch id of this call; 1 for bypassFreeze.
--   Columns name it by its first value. See "History" in src/engine/sale.ts.
-- Reply: `done`; now, sequence, epoch, holdMs as created, statuses (one character an item),
--   generation, batch id of the latest events, how far `now` is ahead of the clock, revision and
--   present holdMs, packed; then details in order of the items. Any other outcome is followed by
--   the clock.
local call = { cmsgpack.unpack(ARGV[1]) }
local known_incarnation, last_seen_generation, last_seen_sequence, last_seen_batch_id, batch_id, bypass_freeze = unpack(call[1])
local deadline = call[2]

local opened = redis.call('HMGET', META, 'static', 'live')
if not (opened[1] and opened[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', clock }
end
local layout, incarnation, epoch, opensAt, closesAt, holdMs, maxHoldMs, skuCount, revision, everywhere, defaultHoldMs, longestHoldMs =
  cmsgpack.unpack(opened[1])
-- This version cannot read another version's layout. Before there were layouts, the incarnation
-- came first.
if layout ~= @LAYOUT@ then return { 'incompatible', clock, layout } end
local last_time, sequence, paused, ended, archived, bucketCount, expiryCount, restockCount, generation, frozen, latest_batch_id, transferCount,
  returns, since, last_ahead = cmsgpack.unpack(opened[2])

-- A key exists from its first entry on. A missing key has been lost, and with it reservations of
-- buyers. So has a key of another type, which a read of its length shows by its failure: here those
-- that mostly do not exist are read, and in types.lua the others.
local begun, seldom, found = 2, 0, 0
if bucketCount > 0 then begun = begun + 1 end
if expiryCount > 0 then begun = begun + 1 end
if sequence > 0 then begun = begun + 1 end
if archived > 0 then seldom, found = seldom + 1, found + math.min(redis.call('HLEN', ARCHIVE), 1) end
if restockCount > 0 then seldom, found = seldom + 1, found + math.min(redis.call('HLEN', RESTOCKS), 1) end
if transferCount > 0 then seldom, found = seldom + 1, found + math.min(redis.call('HLEN', TRANSFERS), 1) end
if not (
  incarnation == known_incarnation and seldom == found
  and redis.call('EXISTS', META, STOCK, BUCKETS, EXPIRY, EVENTS) == begun
  and redis.call('EXISTS', ARCHIVE, RESTOCKS, TRANSFERS) == seldom
) then return { 'lost', clock } end
local now, ahead, set_back = time_since(last_time, last_ahead, call[3])

-- The reply of a call that was executed. The values that each has are one string: a reply of many
-- values costs more.
local function reply(statuses, details)
  local values = { 'done', cmsgpack.pack(now, sequence, epoch, holdMs, statuses, generation, latest_batch_id, now - clock, revision, defaultHoldMs) }
  for i = 1, details and #details or 0 do values[2 + i] = details[i] end
  return values
end

-- Whether the sale has ended, by its times or by command.
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
