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
local decide, sweep_some
if is_due() then
  decide, sweep_some = rare()
  sweep_some()
end
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

local open = not late and not refusal
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
  else
    decide = decide or rare()
    statuses[i] = decide(i, plan)
  end
end
emit_gathered()
return finish(table.concat(statuses), details)
