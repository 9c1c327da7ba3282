-- What RESTOCKS remembers: `r` and the key of a restock, `m` and the key of a move, `t` and the key
-- of a stock count, `n` and the SKU of the newest count.
-- @include partition, commit
local remembered = {}

local function recall(field)
  return remembered[field] or redis.call('HGET', RESTOCKS, field)
end

local function remember(field, ...)
  remembered[field] = cmsgpack.pack(...)
  restocks[#restocks + 1] = field
  restocks[#restocks + 1] = remembered[field]
end
