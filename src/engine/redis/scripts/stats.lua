-- Counts every SKU, with every lapsed hold swept.
-- Columns: token, deadline, floor, count
--   count: how many ask; all get the same answer
-- Statuses: O open   N not_started   P paused   E ended   T retry: there is more to sweep
-- Details, once: the counts of all SKUs in their order, packed as in STOCK; returns
-- Writes: all but RESTOCKS.
sweep_all()
local state = more_lapsed and 'T' or sale_state()
local details = {}
if state ~= 'T' then
  local skus = {}
  for sku = 0, skuCount - 1 do skus[sku + 1] = sku end
  local rows = read_fields(STOCK, skus)
  for sku in pairs(changed_stock) do rows[sku + 1] = cmsgpack.pack(unpack(stock[sku])) end
  details[1] = table.concat(rows)
  details[2] = returns
end
return finish(state:rep(call[4]), details)
