-- Lists of any length, in pieces: unpack fails near 8,000 values.
--   for last, first in next_piece, list, 0 do call(unpack(list, first, last)) end
local PIECE = 4000 -- tuning

local function next_piece(list, last)
  if last < #list then return math.min(last + PIECE, #list), last + 1 end
end
