-- Units that move between partitions. TRANSFERS has all units that were ever sent to each partition
-- and received from it, in rows of a block of SKUs: so a transfer reads and writes only the SKUs it
-- names, however many SKUs were ever moved in that direction.
-- @include partition, stored_values, stock_moves, event_log, commit

local rows, changed = {}, {} -- by field

-- The row with a SKU. `way` is `s` or `r` and the other partition; the field is that and the block,
-- such as `s3/0`.
local function row_of(way, sku)
  local field = string.format('%s/%d', way, block_of(sku))
  rows[field] = rows[field] or decode_units(redis.call('HGET', TRANSFERS, field))
  return rows[field], field
end

local function transferred(way, sku)
  return row_of(way, sku)[sku] or 0
end

-- Moves units between `available` and `inTransit`, and counts them in the row: above zero they
-- leave, below zero they arrive. `taken` of them were available.
local function transfer(way, sku, units, taken, event, other)
  move(sku, AVAILABLE, IN_TRANSIT, units)
  local row, field = row_of(way, sku)
  row[sku] = (row[sku] or 0) + math.abs(units)
  changed[field] = true
  emit(event, math.abs(units), sku * 1024 + other)
  if taken > 0 and counts(sku)[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, sku) end
end

-- All units ever moved in that direction of the SKUs in these lists of sku, units, ..., packed.
local function pack_transferred(way, ...)
  local units = {}
  for _, list in ipairs({ ... }) do
    for i = 1, #list, 2 do
      local all = transferred(way, list[i])
      if all > 0 then units[list[i]] = all end
    end
  end
  return encode_units(units)
end

-- Passes the rows to the commit, once each has its final value.
local function change_rows()
  for field in pairs(changed) do
    changed_rows[#changed_rows + 1] = field
    changed_rows[#changed_rows + 1] = encode_units(rows[field])
  end
end
