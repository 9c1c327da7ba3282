-- What stands against taking units that are available.
-- @include stock_moves, records, event_log, record_changes, expiry

-- Units of every SKU that the buyer has held or confirmed by the records in the bucket.
local function taken_in(bucket, buyer)
  local taken = {}
  for _, record in ipairs(records(bucket)) do
    lapse_if_due(record, bucket, false)
    if record[BUYER] == buyer and is_active(record[STATE]) then
      local lines = lines_of(record[ITEMS])
      lines_read = lines_read + #lines / 2 / READS_A_MOVE
      for i = 1, #lines, 2 do
        taken[lines[i]] = (taken[lines[i]] or 0) + lines[i + 1]
      end
    end
  end
  return taken
end

-- The first SKU of a cart that would pass the limit of a buyer (nil for one who has nothing), with the limit, what is taken, how much of
-- that lies in the archive, and what is taken in the bucket.
local function over_limit(lines, bucket, buyer, taken)
  for i = 1, #lines, 2 do
    local sku = lines[i]
    local limit = counts(sku)[LIMIT]
    if limit >= 0 then
      taken = taken or buyer and taken_in(bucket, buyer)
      local archived_units = taken and taken_row(bucket, buyer, sku)[sku] or 0
      local has = (taken and taken[sku] or 0) + archived_units
      if has + lines[i + 1] > limit then return sku, limit, has, archived_units, taken end
    end
  end
end

-- The same once every hold in the archive has been swept that may count there; 'retry' when that was not known within the budget.
local function limit_exceeded(lines, bucket, buyer)
  local sku, limit, has, archived_units, taken = over_limit(lines, bucket, buyer)
  -- In the bucket whatever is due has lapsed by now, so what is swept changes nothing there.
  while sku and archived_units > 0 and sweep_some() do
    sku, limit, has, archived_units = over_limit(lines, bucket, buyer, taken)
  end
  if sku and archived_units > 0 and more_lapsed then return 'retry' end
  return sku, limit, has
end

-- The first SKU of a cart that lacks units, after sweeping for it; 'retry' when that was not known within the budget.
local function lacking(lines)
  for i = 1, #lines, 2 do
    local enough = available_units(lines[i], lines[i + 1])
    if enough == nil then return 'retry' end
    if not enough then return lines[i] end
  end
end

local function emit_sold_out(lines)
  for i = 1, #lines, 2 do
    if counts(lines[i])[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, lines[i]) end
  end
end
