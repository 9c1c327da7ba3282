-- The units of a partition by SKU, and their moves between its counts.
-- @include lists, partition, stored_values

-- The counts of the SKUs this call touches: read once, changed in memory, written once by
-- save_stock.
local stock, changed_stock = {}, {}

local function load_stock(skus)
  local wanted = {}
  for _, sku in ipairs(skus) do
    if not stock[sku] then
      stock[sku] = true
      wanted[#wanted + 1] = sku
    end
  end
  for i, packed in ipairs(read_fields(STOCK, wanted)) do
    stock[wanted[i]] = { cmsgpack.unpack(packed) }
  end
end

-- The SKUs of a cart, whose lines are sku, quantity, sku, quantity, ...
local function load_lines(lines)
  local skus = {}
  for i = 1, #lines, 2 do skus[#skus + 1] = lines[i] end
  load_stock(skus)
end

local function counts(sku)
  local found = stock[sku]
  if not found then
    load_stock({ sku })
    found = stock[sku]
  end
  return found
end

local function save_stock()
  local out = {}
  for sku in pairs(changed_stock) do
    out[#out + 1] = sku
    out[#out + 1] = cmsgpack.pack(unpack(stock[sku]))
  end
  write_fields(STOCK, out)
end

-- Moves units from one count of a SKU to another; nil is the outside of the sale.
local function move(sku, from, to, quantity)
  local row = counts(sku)
  if from then row[from] = row[from] - quantity end
  if to then row[to] = row[to] + quantity end
  changed_stock[sku] = true
end

-- Once a call has moved LINES_AT_ONCE lines of carts, or counted them in the archive, it begins no
-- other item: the caller sends the rest again. One cart may have 1,000 lines.
local LINES_AT_ONCE = 512 -- tuning
local READS_A_MOVE = 8 -- tuning: lines of a buyer's records that are read in the time of one move
local lines_moved = 0
local lines_read = 0 -- counted in moves

-- Moves every line of a cart; `lines` is sku, quantity, sku, quantity, ...
local function move_cart(lines, from, to)
  if to == AVAILABLE then returns = returns + 1 end
  if #lines > 2 then load_lines(lines) end
  lines_moved = lines_moved + #lines / 2
  for i = 1, #lines, 2 do move(lines[i], from, to, lines[i + 1]) end
end

-- Units by SKU, of a block of SKUs. A row of them is packed: sku, units, sku, units, ... in order
-- of the SKUs.
local SKUS_A_BLOCK = 64

local function block_of(sku)
  return math.floor(sku / SKUS_A_BLOCK)
end

local function decode_units(packed)
  local units, offset = {}, 0
  while packed and offset >= 0 do
    local sku, count
    offset, sku, count = cmsgpack.unpack_limit(packed, 2, offset)
    units[sku] = count
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
