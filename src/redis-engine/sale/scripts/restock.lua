-- Adds units to the sale, or takes unsold ones out, once for each key.
-- Columns: incarnation, deadline, min_time, skus, quantities, keys, finals
--   finals: 0 if other partitions may have the units lacking here
-- Statuses: R restocked: applied   P replayed: applied   K lacking: available   C conflict
--   T retry
-- Writes: all.
-- @include partition, may_write, types, stored_values, stock_moves, event_log, expiry, remembered
-- @include commit
local skus, quantities, keys, finals = call[4], call[5], call[6], call[7]
local statuses, details = {}, {}
-- @rarely available_units
local gather

for i, sku in ipairs(skus) do
  if quantities[i] < 0 and sku < skuCount then gather = gather or rare() end
  local quantity, status = quantities[i], 'R'
  local known = recall('r' .. keys[i])
  if known then
    local knownSku, knownQuantity, applied = cmsgpack.unpack(known)
    status = (knownSku == sku and knownQuantity == quantity) and 'P' or 'C'
    if status == 'P' then details[#details + 1] = applied end
  elseif late or sku >= skuCount or (quantity < 0 and gather(sku, -quantity) == nil) then
    status = 'T'
  elseif finals[i] == 0 and counts(sku)[AVAILABLE] < -quantity then
    status = 'K'
    details[#details + 1] = counts(sku)[AVAILABLE]
  else
    local row = counts(sku)
    local before = row[AVAILABLE]
    local applied = math.max(quantity, -before)
    if applied > 0 then returns = returns + 1 end
    emit(RESTOCKED, applied, cmsgpack.pack(sku, quantity, keys[i]))
    move(sku, nil, TOTAL, applied)
    move_cart({ sku, applied }, nil, AVAILABLE)
    if before > 0 and row[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, sku) end
    remember('r' .. keys[i], sku, quantity, applied)
    details[#details + 1] = applied
  end
  statuses[i] = status
end
return finish(table.concat(statuses), details)
