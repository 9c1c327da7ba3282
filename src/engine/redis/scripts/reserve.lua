-- Takes units for buyers: the step that must never oversell.
-- Columns: token, deadline, floor, plans, buckets, fragments, nonces, planOf
--   plans: the distinct { items, holdMs } of the batch; planOf: the plan of each item, from 1
--   buckets: 6 bytes each; fragments: nonce, buyer, key, items of each, packed as in a record
--   nonces: all of them in one string
-- Statuses and their details:
--   R reserved now        Q this very request again: record    P replayed: record      K key_spent: record
--   C conflict            T retry                              E ended                 N not_started: opensAt
--   Z paused              L limit_exceeded: sku, limit, taken  S sold_out: sku, available, mayReturn 0 or 1
-- Writes: all but RESTOCKS.
local plans, buckets, fragments, nonces, planOf = call[4], call[5], call[6], call[7], call[8]
local refusal = recovers == 0 and ({ E = 'E', N = 'N', P = 'Z' })[sale_state()]
local statuses, details = {}, {}

local function detail(value)
  details[#details + 1] = value
end

sweep_some()
load_buckets(buckets)

local skus = {}
for _, plan in ipairs(plans) do
  plan.lines = lines_of(plan[1])
  for i = 1, #plan.lines, 2 do skus[#skus + 1] = plan.lines[i] end
end
load_stock(skus)

for _, plan in ipairs(plans) do
  local lines = plan.lines
  plan.hold = plan[2]
  plan.prefix = cmsgpack.pack(IS_HELD, '', now - epoch, plan.hold == holdMs and 0 or plan.hold)
  -- What most requests are: one SKU, a buyer who has nothing yet, and more units left than asked for.
  if #lines == 2 then
    local row = stock[lines[1]]
    if row[LIMIT] < 0 or lines[2] <= row[LIMIT] then plan.row, plan.quantity = row, lines[2] end
  end
end

-- Neighbours that were reserved for the same time are entered together, into the expiry index and the events.
local run_first, run_last, run_hold

function emit_gathered()
  if not run_first then return end
  local first, last = run_first, run_last
  run_first = nil
  emit_many(RESERVED, run_hold, table.concat(buckets, '', first, last), nonces:sub(first * 6 - 5, last * 6))
  watch_expiry(now + run_hold)
end

local function reserved(i, hold)
  if run_first and run_last == i - 1 and run_hold == hold then
    run_last = i
  else
    emit_gathered()
    run_first, run_last, run_hold = i, i, hold
  end
  return 'R'
end

-- The answer for a request that was decided before, if it was; else the buyer.
local function decided_before(bucket, fragment)
  local nonce, buyer, key, items = cmsgpack.unpack(fragment)
  local record = find(bucket, nonce)
  if record then
    detail(encode(record))
    return 'Q'
  end
  record = key ~= '' and find_key(bucket, buyer, key)
  if not record then return nil, buyer end
  if record[ITEMS] ~= items then return 'C' end
  detail(encode(record))
  return is_active(record[STATE]) and 'P' or 'K'
end

local nobody = {}

local function take(i, plan, buyer)
  local lines, bucket = plan.lines, buckets[i]
  local sku, limit, taken = over_limit(lines, buyer and taken_by(bucket, buyer) or nobody)
  if sku then
    detail(sku)
    detail(limit)
    detail(taken)
    return 'L'
  end
  sku = lacking(lines)
  if sku == 'retry' then return 'T' end
  if sku then
    detail(sku)
    detail(counts(sku)[AVAILABLE])
    detail(counts(sku)[HELD] > 0 and 1 or 0)
    return 'S'
  end
  move_cart(lines, AVAILABLE, HELD)
  append(bucket, plan.prefix .. fragments[i])
  reserved(i, plan.hold)
  emit_sold_out(lines)
  return 'R'
end

local function decide(i, plan)
  local bucket, status, buyer = buckets[i], nil, nil
  if raw[bucket] or lists[bucket] then
    lapse_bucket(bucket)
    status, buyer = decided_before(bucket, fragments[i])
  end
  status = status or late and 'T' or refusal or take(i, plan, buyer)
  if status == 'N' then detail(opensAt) end
  return status
end

local open = not late and not refusal
for i = 1, #buckets do
  local bucket, plan = buckets[i], plans[planOf[i]]
  local row, quantity = plan.row, plan.quantity
  if open and row and row[AVAILABLE] > quantity and raw[bucket] == false and not lists[bucket] then
    local record = plan.prefix .. fragments[i]
    row[AVAILABLE] = row[AVAILABLE] - quantity
    row[HELD] = row[HELD] + quantity
    changed_stock[plan.lines[1]] = true
    raw[bucket] = record
    fresh[#fresh + 1] = bucket
    fresh[#fresh + 1] = record
    statuses[i] = reserved(i, plan.hold)
  else
    statuses[i] = decide(i, plan)
  end
end
emit_gathered()
return finish(table.concat(statuses), details)
