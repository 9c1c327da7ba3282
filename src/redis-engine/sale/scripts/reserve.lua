-- Reserves units for buyers: the step that must never oversell.
-- Columns: incarnation, deadline, min_time, plans, buckets, fragments, nonces, planOf, restored
--   plans: the distinct { items, holdMs } of the batch, 0 for the sale's own; if the buyer has no
--     pass, a third value, 1; in a recovery also createdAt, and expiresAt in place of holdMs;
--     planOf: the plan of each item, from 1
--   buckets: 6 bytes each; fragments: nonce, buyer, key, items, first, household of each, packed
--     as in a record; nonces: all of them in one string
--   restored: in a recovery only, of items whose cart was changed or that were transferred: index,
--     1 if the cart was changed, the id of the record before it or '', 1 if the key is an origin
-- Or, for one item that is not restored: incarnation, deadline, min_time, items, holdMs, 1 if the
--   buyer has no pass, bucket, fragment, nonce
-- Statuses and their details:
--   R reserved now   Q the same request again: record   P replayed: record   K key_spent: record
--   C conflict: record   H hold_too_long: maxHoldMs   T retry   E ended   N not_started: opensAt
--   Z paused   O not_started: sku, opensAt   F ended: sku   Y needs_pass
--   V moved: as in transferred_records.lua
--   L limit_exceeded: sku, limit, taken, nonces, SKUs that share it, household or ''
--   S sold_out: sku, available, mayReturn 0 or 1   U sold_out with the details of the latest
-- Writes: all but RESTOCKS.
-- @include partition, may_write, lone_reservation, types, stored_values, stock_moves, records
-- @include event_log, record_changes, expiry, limits_and_stock, idempotency, transferred_records
-- @include commit
if type(call[4]) == 'string' then
  local _, _, _, items, hold, without_pass, bucket, fragment, nonce = unpack(call)
  call = { call[1], deadline, call[3], { { items, hold, without_pass } }, { bucket }, { fragment }, nonce, { 1 }, {} }
end
local plans, buckets, fragments, nonces, planOf = call[4], call[5], call[6], call[7], call[8]
local refusal = bypass_freeze == 0 and ({ E = 'E', N = 'N', P = 'Z' })[sale_state()]
local statuses, details = {}, {}
local restored = {}
for j = 1, #call[9], 4 do
  restored[call[9][j]] = { is_changed = call[9][j + 1] == 1, earlier = call[9][j + 2], has_origin = call[9][j + 3] == 1 }
end

-- Adjacent requests with the same hold time share a member of EXPIRY and a group of events.
local run_first, run_last, run_hold

function emit_gathered()
  if not run_first then return end
  local first, last = run_first, run_last
  run_first = nil
  emit_many(RESERVED, run_hold, table.concat(buckets, '', first, last), nonces:sub(first * 6 - 5, last * 6))
  watch_expiry(now + run_hold)
end

local function reserved(i, hold)
  if restored[i] and restored[i].is_changed then
    -- A recovery makes a reservation whose cart was changed: its event has the cart.
    local nonce, _, _, items, first = cmsgpack.unpack(fragments[i])
    emit_many(RESERVED, hold, buckets[i], nonce, { [ITEMS] = items, [FIRST] = first })
    watch_expiry(now + hold)
  elseif run_first and run_last == i - 1 and run_hold == hold then
    run_last = i
  else
    emit_gathered()
    run_first, run_last, run_hold = i, i, hold
  end
  return 'R'
end

local function detail(value)
  details[#details + 1] = value
end

local function take(i, plan, buyer)
  local lines, bucket = plan.lines, buckets[i]
  local closed, opens = outside_times(lines)
  if closed then
    detail(closed)
    if opens then detail(opens) end
    return opens and 'O' or 'F'
  end
  if plan[3] == 1 and bypass_freeze == 0 and not needs_no_pass(lines) then return 'Y' end
  local _, _, _, _, _, household = cmsgpack.unpack(fragments[i])
  local sku, limit, taken, index, of = limit_exceeded(lines, bucket, buyer, household)
  if sku == 'retry' then return 'T' end
  if sku then
    for _, value in ipairs(limit_details(bucket, buyer, lines, sku, limit, taken, index, of)) do detail(value) end
    return 'L'
  end
  local may_return
  sku, may_return = lacking(lines)
  if sku == 'retry' then return 'T' end
  if sku then
    detail(sku)
    detail(counts(sku)[AVAILABLE])
    detail(may_return)
    return 'S'
  end
  move_cart(lines, AVAILABLE, HELD)
  append(bucket, plan.prefix .. fragments[i])
  reserved(i, plan.hold)
  emit_sold_out(lines)
  return 'R'
end

-- The records of buyers may have more lines than their requests, which fill a batch by their own
-- lines: records move to the archive, expire, and count for a limit. The lines that were swept
-- before the first request do not make a request wait.
local lines_before

-- Decides a request by all possible obstacles. Few requests need that: the others are reserved
-- below.
local function decide(i, plan)
  if not plan.is_known then return 'T' end
  lines_before = lines_before or lines_moved
  if lines_moved + lines_read - lines_before >= 2 * LINES_AT_ONCE then return 'T' end
  local bucket, status, buyer, record = buckets[i], nil, nil, nil
  if raw[bucket] or lists[bucket] then
    status, buyer, record = decided_before(bucket, fragments[i])
    if status == 'V' then
      local _, others = moved(record, bucket)
      for _, value in ipairs(others) do detail(value) end
    elseif record then
      detail(encode(record))
    end
  end
  status = status or late and 'T' or plan.is_too_long and 'H' or plan.refusal or take(i, plan, buyer)
  if restored[i] and not late and (status == 'Q' or status == 'R') then
    live_changed = true
    if restored[i].has_origin then changed_rows['r0/o'] = '' end
    set_earlier(bucket, nonces:sub(i * 6 - 5, i * 6), restored[i].earlier)
  end
  return status
end

-- @rarely decide, sweep_some
local with_all_checks, sweep
if is_due() then
  with_all_checks, sweep = rare()
  sweep()
end
load_buckets(buckets)

do
  local skus = {}
  for _, plan in ipairs(plans) do
    plan.lines = lines_of(plan[1])
    -- Another partition may have been told of a new SKU before.
    plan.is_known = plan.lines[#plan.lines - 1] < skuCount
    for i = 1, plan.is_known and #plan.lines or 0, 2 do skus[#skus + 1] = plan.lines[i] end
  end
  load_stock(skus)
end

for _, plan in ipairs(plans) do
  local lines = plan.lines
  plan.hold = plan[5] and plan[5] - now or plan[2] == 0 and defaultHoldMs or plan[2]
  local created = plan[4] or now
  local lasts = now + plan.hold - created
  plan.refusal = refusal
  plan.is_too_long = plan[2] > maxHoldMs and bypass_freeze == 0
  plan.prefix = cmsgpack.pack(IS_HELD, '', created - epoch, lasts == holdMs and 0 or lasts)
  -- Most requests are for one SKU, by a buyer without a reservation, and more units are left.
  if #lines == 2 and plan.is_known and not plan.is_too_long then
    local row = stock[lines[1]]
    local fits = row[LIMIT] < 0 or lines[2] <= row[LIMIT]
    if fits and row[SHARED] == '' and row[OWN] == '' and plan[3] ~= 1 then plan.row, plan.quantity = row, lines[2] end
  end
end

local open = not late and not refusal and not next(restored)
for i, bucket in ipairs(buckets) do
  local plan = plans[planOf[i]]
  local row, quantity = plan.row, plan.quantity
  if open and row and row[AVAILABLE] > quantity and raw[bucket] == false and not lists[bucket] then
    local record = plan.prefix .. fragments[i]
    row[AVAILABLE] = row[AVAILABLE] - quantity
    row[HELD] = row[HELD] + quantity
    changed_stock[plan.lines[1]] = true
    raw[bucket] = record
    written[#written + 1] = bucket
    written[#written + 1] = record
    statuses[i] = reserved(i, plan.hold)
  elseif row and plans.refused == plan and row[AVAILABLE] == plan.available and row[HELD] == plan.held
    and raw[bucket] == false and not lists[bucket] then
    statuses[i] = 'U'
  else
    with_all_checks = with_all_checks or rare()
    local status = with_all_checks(i, plan)
    if status == 'N' then details[#details + 1] = opensAt end
    if status == 'H' then details[#details + 1] = maxHoldMs end
    statuses[i] = status
    -- The next buyer without a reservation gets the same answer, while these counts are the same.
    if status == 'S' then
      plans.refused = open and row and plan
      if row then plan.available, plan.held = row[AVAILABLE], row[HELD] end
    end
  end
end
emit_gathered()
return finish(table.concat(statuses), details)
