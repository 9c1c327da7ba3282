-- Items: incarnations. Parts: of each item a state, an attempt and the partitions; state 8: unknown
-- Writes: nothing.
-- @include sale_index
local parts = { 'opened', clock, 0 }
for _, incarnation in ipairs(items) do
  local entry = entry_of(incarnation)
  parts[#parts + 1] = entry and entry[STATE] or 8
  parts[#parts + 1] = entry and entry[ATTEMPT] or 0
  parts[#parts + 1] = entry and entry[PARTITIONS] or 0
end
return parts
