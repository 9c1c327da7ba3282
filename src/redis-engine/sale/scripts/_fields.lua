-- HMGET of any number of fields.
local function read_fields(key, fields)
  local values
  for last, first in next_piece, fields, 0 do
    local piece = redis.call('HMGET', key, unpack(fields, first, last))
    values = values or piece -- mostly there is one, which need not be copied
    if piece ~= values then
      for i = 1, #piece do values[first + i - 1] = piece[i] end
    end
  end
  return values or {}
end
