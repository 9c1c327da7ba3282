-- Units on their way between partitions. A row of TRANSFERS is all that was ever sent to one partition, or received from it:
-- sku, units, sku, units, ... packed one after another.
local rows = {}

local function decode_units(packed)
  local units, offset = {}, 0
  while packed and offset >= 0 do
    local values = { cmsgpack.unpack_limit(packed, 2000, offset) } -- unpack fails near 8,000 values
    offset = values[1]
    for i = 2, #values, 2 do units[values[i]] = values[i + 1] end
  end
  return units
end

local function encode_units(units)
  local skus = {}
  for sku in pairs(units) do skus[#skus + 1] = sku end
  table.sort(skus)
  for i, sku in ipairs(skus) do skus[i] = cmsgpack.pack(sku, units[sku]) end
  return table.concat(skus)
end

-- The row of a field: `s` or `r` and the other partition.
local function row_of(field)
  rows[field] = rows[field] or decode_units(redis.call('HGET', TRANSFERS, field))
  return rows[field]
end

-- Moves units between what is available and what is in transit, and writes it into the row: `units` more than zero leave, fewer arrive.
-- `taken` of them were available.
local function transfer(row, sku, units, taken, event, other)
  move(sku, AVAILABLE, IN_TRANSIT, units)
  row[sku] = (row[sku] or 0) + math.abs(units)
  emit(event, math.abs(units), sku * 1024 + other)
  if taken > 0 and counts(sku)[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, sku) end
end

-- Told to the commit at the end, when each row is what it will be.
local function change_rows(fields)
  for field in pairs(fields) do
    changed_rows[#changed_rows + 1] = field
    changed_rows[#changed_rows + 1] = encode_units(rows[field])
  end
end
