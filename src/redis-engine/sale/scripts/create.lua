-- Creates the partition of a new sale, once.
-- Columns: incarnation, deadline, min_time, sales
--   sales: of each item { incarnation, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits,
--     own_by_sku, shared_by_sku, return_skus, shared, complete }
--   rules: canonical JSON; opensAt, closesAt: epoch ms, -1 for none
--   units: this partition's part of each SKU by its index; limits: -1 without a limit;
--     own_by_sku: as OWN; shared_by_sku: as SHARED; return_skus: as RETURNS_TO; shared: as the
--     field of META
--   complete: 0 or 1
-- Statuses, each with the incarnation of the existing sale (of T: the item's own):
--   C created   X exists   N conflict   T retry
-- Reply: opened, now, how far that is ahead of the clock, statuses, incarnations, complete 0 or
--   1 of each; or lost | denied, clock; or incompatible, clock, layout
-- Writes: META, STOCK. `lost` if parts of a sale are left without its META.
-- @include time, acl, new_partition
local _, deadline, min_time, sales = cmsgpack.unpack(ARGV[1])

local refused = refused_command()
if refused then return { 'denied', clock, refused } end
local found = redis.call('HMGET', META, 'rules', 'static', 'complete', 'live')
local known_rules = found[1]
local layout, known_incarnation = @LAYOUT@, nil
if found[2] then layout, known_incarnation = cmsgpack.unpack(found[2]) end
if layout ~= @LAYOUT@ then return { 'incompatible', clock, layout } end
local is_complete = found[3] and 1 or 0
local live = found[4] and { cmsgpack.unpack(found[4]) } or { 0, [15] = 0 }
local now, ahead = time_since(live[1], live[15], min_time)
if not (known_rules and known_incarnation) and redis.call('EXISTS', unpack(KEYS)) > 0 then return { 'lost', clock } end

local function create(incarnation, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits, own_by_sku, shared_by_sku, return_skus, shared, complete)
  if known_rules and known_rules ~= rules then return 'N', known_incarnation, is_complete end
  local completes = complete == 1 and is_complete == 0 and (not known_incarnation or known_incarnation == incarnation)
  if clock > deadline and (completes or not known_rules) then return 'T', incarnation, 0 end
  if completes then
    redis.call('HSET', META, 'complete', 1)
    is_complete = 1
  end
  if known_rules then return 'X', known_incarnation, is_complete end
  begin_partition(incarnation, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits, own_by_sku, shared_by_sku, return_skus, shared, 1, 0, now, ahead)
  known_rules, known_incarnation = rules, incarnation
  return 'C', incarnation, is_complete
end

local statuses, incarnations, completes = {}, {}, {}
for i, sale in ipairs(sales) do statuses[i], incarnations[i], completes[i] = create(unpack(sale)) end
return { 'opened', now, now - clock, table.concat(statuses), incarnations, completes }
