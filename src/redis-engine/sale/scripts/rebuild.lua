-- Creates the partition of a lost sale again, frozen, so that a recovery can replay its known
-- reservations. An intact partition stays as it is.
-- Columns: incarnation, deadline, min_time, sales
--   sales: of each item { incarnation, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits,
--     own_by_sku, shared_by_sku, return_skus, shared, generation }; see create
-- Statuses: R rebuilt   X exists   T retry
-- Reply: opened, now, how far that is ahead of the clock, statuses, incarnations; or lost | denied,
--   clock; or incompatible, clock, layout
-- Writes: all keys.
-- @include time, acl, new_partition
local _, deadline, min_time, sales = cmsgpack.unpack(ARGV[1])

local now, ahead = time_since(0, 0, min_time)

local refused = refused_command()
if refused then return { 'denied', clock, refused } end

-- A sealed partition is not lost: see src/redis-engine/removal.
if redis.call('TYPE', META).ok == 'hash' and redis.call('HEXISTS', META, 'sealed') == 1 then return { 'lost', clock } end

-- Data that another version has stored is not lost, even if parts that this version needs are
-- missing.
local static = redis.call('TYPE', META).ok == 'hash' and redis.call('HGET', META, 'static')
local layout = static and cmsgpack.unpack(static) or @LAYOUT@
if layout ~= @LAYOUT@ then return { 'incompatible', clock, layout } end

-- The incarnation of the existing sale, if all of it exists.
local function incarnation_of_whole()
  if redis.call('TYPE', META).ok ~= 'hash' then return nil end
  local found = redis.call('HMGET', META, 'rules', 'static', 'live')
  if not (found[1] and found[2] and found[3]) then return nil end
  local _, sequence, _, _, archived, buckets, expiry, restocks, _, _, _, transfers = cmsgpack.unpack(found[3])
  local expected = { 'hash', 'hash', buckets > 0 and 'hash', expiry > 0 and 'zset', sequence > 0 and 'stream',
    archived > 0 and 'hash', restocks > 0 and 'hash', transfers > 0 and 'hash' }
  for i = 1, 8 do
    if redis.call('TYPE', KEYS[i]).ok ~= (expected[i] or 'none') then return nil end
  end
  local _, incarnation = cmsgpack.unpack(found[2])
  return incarnation
end

local function rebuild(incarnation, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits, own_by_sku, shared_by_sku, return_skus, shared, generation)
  local known_incarnation = incarnation_of_whole()
  if known_incarnation then return 'X', known_incarnation end
  if clock > deadline then return 'T', incarnation end
  redis.call('UNLINK', unpack(KEYS))
  begin_partition(incarnation, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits, own_by_sku, shared_by_sku, return_skus, shared, generation, 1, now, ahead)
  redis.call('HSET', META, 'complete', 1)
  return 'R', incarnation
end

local statuses, incarnations = {}, {}
for i, sale in ipairs(sales) do statuses[i], incarnations[i] = rebuild(unpack(sale)) end
return { 'opened', now, now - clock, table.concat(statuses), incarnations }
