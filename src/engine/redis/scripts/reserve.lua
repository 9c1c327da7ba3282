-- Takes units for buyers: the step that must never oversell.
-- Columns: token, deadline, floor, plans, buckets, fragments, planOf
--   plans: the distinct { items, holdMs } of the batch; planOf: the plan of each item, from 1
--   buckets: 6 bytes each; fragments: nonce, buyer, key, items of each, packed as in a record
-- Statuses and their details:
--   R reserved now        Q this very request again: record    P replayed: record      K key_spent: record
--   C conflict            T retry                              E ended                 N not_started: opensAt
--   Z paused              L limit_exceeded: sku, limit, taken  S sold_out: sku, available, mayReturn 0 or 1
-- Writes: all but RESTOCKS.
local plans, buckets, fragments, planOf = call[4], call[5], call[6], call[7]
local refusal = ({ E = 'E', N = 'N', P = 'Z' })[sale_state()]
local statuses, details = {}, {}

local function detail(value)
  details[#details + 1] = value
end

sweep_some()
load_buckets(buckets)

local skus = {}
for _, plan in ipairs(plans) do
  plan.items, plan.holdMs = plan[1], plan[2]
  plan.lines = { cmsgpack.unpack(plan.items) }
  plan.prefix = cmsgpack.pack(IS_HELD, '', now - epoch, plan.holdMs == holdMs and 0 or plan.holdMs)
  plan.buckets = {}
  for i = 1, #plan.lines, 2 do skus[#skus + 1] = plan.lines[i] end
end
load_stock(skus)

-- The answer for a request that was decided before, if it was.
local function decided_before(bucket, fragment)
  lapse_bucket(bucket)
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

local function take(bucket, fragment, plan, buyer)
  local lines = plan.lines
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
  append(bucket, plan.prefix .. fragment)
  plan.buckets[#plan.buckets + 1] = bucket
  emit(RESERVED, plan.holdMs, bucket .. fragment:sub(2, 7)) -- a fragment begins with its nonce, one byte of header
  emit_sold_out(lines)
  return 'R'
end

for i = 1, #buckets do
  local bucket, plan, status, buyer = buckets[i], plans[planOf[i]], nil, nil
  if raw[bucket] or lists[bucket] then status, buyer = decided_before(bucket, fragments[i]) end
  status = status or late and 'T' or refusal or take(bucket, fragments[i], plan, buyer)
  if status == 'N' then detail(opensAt) end
  statuses[i] = status
end

for _, plan in ipairs(plans) do
  if #plan.buckets > 0 then watch_expiry(now + plan.holdMs, plan.buckets) end
end
return finish(table.concat(statuses), details)
