-- Counts SKUs, with every expired hold swept.
-- Columns: incarnation, deadline, min_time, count, skus
--   count: the items, which all get the same answer; skus: the SKUs of all items, -1 for all
-- Statuses: O open   N not_started   P paused   E ended   T retry: there is more to sweep
-- Details, once: the counts of these SKUs in their order, packed as in STOCK; returns
-- Writes: all but RESTOCKS.
-- @include lists, partition, may_write, types, stock_moves, expiry, commit

-- @rarely sweep_all
if is_due() then rare()() end
local known = true
for _, sku in ipairs(call[5] == -1 and {} or call[5]) do known = known and sku < skuCount end
local state = (more_expired or not known) and 'T' or sale_state()
local details = {}
if state ~= 'T' then
  local skus = call[5]
  if skus == -1 then
    skus = {}
    for sku = 0, skuCount - 1 do skus[sku + 1] = sku end
  end
  local rows = read_fields(STOCK, skus)
  for i, sku in ipairs(skus) do
    if changed_stock[sku] then rows[i] = cmsgpack.pack(unpack(stock[sku])) end
  end
  details[1] = table.concat(rows)
  details[2] = returns
end
return finish(state:rep(call[4]), details)
