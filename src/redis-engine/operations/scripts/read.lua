-- Items: { before (0: the latest), limit }. Parts: of each item, the latest entry first, ids and
--   entries as pairs
-- Writes: nothing.
-- @include operations_log
local function read(before, limit)
  local from = before == 0 and '+inf' or string.format('(%d', before)
  local pairs_ = {}
  for _, id in ipairs(redis.call('ZRANGE', ORDER, from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, limit)) do
    pairs_[#pairs_ + 1] = id
    pairs_[#pairs_ + 1] = redis.call('HGET', ENTRIES, id)
  end
  return pairs_
end

local parts = { 'opened', clock, 0 }
for _, item in ipairs(items) do parts[#parts + 1] = read(unpack(item)) end
return parts
