-- Any number of values, packed one after another.
local function pack_all(values)
  local packed = {}
  for last, first in next_piece, values, 0 do
    packed[#packed + 1] = cmsgpack.pack(unpack(values, first, last))
  end
  return table.concat(packed)
end
