-- Units by SKU, of a block of so many SKUs. A row of them is packed: sku, units, sku, units, ... in order of the SKUs.
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
