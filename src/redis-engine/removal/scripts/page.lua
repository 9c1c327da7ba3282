-- Items: cursors. Parts: of each item the next cursor, and incarnations and entries as pairs
-- Writes: nothing.
-- @include sale_index
local parts = { 'opened', clock, 0 }
for _, cursor in ipairs(items) do
  local found = redis.call('HSCAN', ENTRIES, cursor, 'COUNT', 100)
  parts[#parts + 1] = found[1]
  parts[#parts + 1] = found[2]
end
return parts
