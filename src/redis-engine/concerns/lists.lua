-- Lists of any length, and the fields of a hash.

-- A list in pieces: unpack fails near 8,000 values.
--   for last, first in next_piece, list, 0 do call(unpack(list, first, last)) end
local PIECE = 4000 -- tuning

local function next_piece(list, last)
  if last < #list then return math.min(last + PIECE, #list), last + 1 end
end

-- Packs any number of values, one after another.
local function pack_all(values)
  local packed = {}
  for last, first in next_piece, values, 0 do
    packed[#packed + 1] = cmsgpack.pack(unpack(values, first, last))
  end
  return table.concat(packed)
end

-- HMGET of any number of fields.
local function read_fields(key, fields)
  if #fields == 0 then return {} end
  if #fields <= PIECE then return redis.call('HMGET', key, unpack(fields)) end
  local values = {}
  for last, first in next_piece, fields, 0 do
    local piece = redis.call('HMGET', key, unpack(fields, first, last))
    for i = 1, #piece do values[first + i - 1] = piece[i] end
  end
  return values
end

-- HSET of any number of field, value pairs; returns how many fields are new.
local function write_fields(key, pairs_)
  if #pairs_ == 0 then return 0 end
  if #pairs_ <= PIECE then return redis.call('HSET', key, unpack(pairs_)) end
  local added = 0
  for last, first in next_piece, pairs_, 0 do
    added = added + redis.call('HSET', key, unpack(pairs_, first, last))
  end
  return added
end
