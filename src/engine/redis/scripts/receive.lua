-- Catches up with what other partitions have sent here.
-- Columns: token, deadline, floor, receipts
--   receipts: of each item { from, sent }; units as sku, units, sku, units, ...
-- Statuses: G received: all units ever received from there, packed   T retry
-- Writes: META, STOCK, EVENTS, TRANSFERS.
local statuses, details, changed = {}, {}, {}

-- Answers false if that would change something and it is too late for that.
local function receive_units(from, sent)
  local field = 'r' .. from
  local row = row_of(field)
  for i = 1, #sent, 2 do
    local sku = sent[i]
    local units = sent[i + 1] - (row[sku] or 0)
    if units > 0 then
      if late then return false end
      transfer(row, sku, -units, 0, RECEIVED, from)
      changed[field] = true
    end
  end
  details[#details + 1] = encode_units(row)
  return true
end

for i, receipt in ipairs(call[4]) do
  statuses[i] = receive_units(unpack(receipt)) and 'G' or 'T'
end
change_rows(changed)
return finish(table.concat(statuses), details)
