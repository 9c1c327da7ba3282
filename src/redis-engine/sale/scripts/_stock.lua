-- The counts of the SKUs this call touches: read once, changed in memory, written once by save_stock.
local AVAILABLE, HELD, CONFIRMED, TOTAL, IN_TRANSIT, LIMIT = 1, 2, 3, 4, 5, 6
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
