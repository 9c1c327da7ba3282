-- The units that this partition owes, and all units ever sent to each other partition.
-- Columns: incarnation, deadline, min_time, debts
--   debts: of each item { sku, partitions }
-- Statuses: W debt: owed, units sent to each partition from 1 on
-- Writes: nothing.
-- @include partition, read_only, types, lists, stored_values, stock_moves
local details = {}
for _, debt in ipairs(call[4]) do
  local sku, partitions = unpack(debt)
  details[#details + 1] = sku < skuCount and math.max(0, counts(sku)[OWED]) or 0
  local fields, sent = {}, {}
  for other = 1, partitions - 1 do fields[other] = string.format('s%d/%d', other, block_of(sku)) end
  for other, row in ipairs(read_fields(TRANSFERS, fields)) do sent[other] = decode_units(row)[sku] or 0 end
  details[#details + 1] = pack_all(sent)
end
return reply(('W'):rep(#call[4]), details)
