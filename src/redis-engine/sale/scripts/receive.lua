-- Takes in the units that other partitions have sent here.
-- Columns: incarnation, deadline, min_time, receipts
--   receipts: of each item { from, sent }; units as sku, units, sku, units, ...
-- Statuses: G received: all units of those SKUs ever received from there, packed   T retry
-- Writes: META, STOCK, EVENTS, TRANSFERS.
-- @include partition, may_write, types, stock_moves, stock_transfers, commit
local statuses, details = {}, {}

-- Returns false if that would change something and the call is too late, or names a SKU that is
-- new.
local function receive_units(from, sent)
  if not has_skus(sent) then return false end
  local way = 'r' .. from
  load_lines(sent)
  for i = 1, #sent, 2 do
    local sku = sent[i]
    local units = sent[i + 1] - transferred(way, sku)
    if units > 0 then
      if late then return false end
      take_in(sku, units, from)
    end
  end
  details[#details + 1] = pack_transferred(way, sent)
  return true
end

for i, receipt in ipairs(call[4]) do
  statuses[i] = receive_units(unpack(receipt)) and 'G' or 'T'
end
change_rows()
return finish(table.concat(statuses), details)
