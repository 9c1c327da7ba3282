-- Decides that incarnations are removed.
-- Items: { incarnation, attempt }. Parts: of each item 1 committed, 0 superseded, 9 retry
-- Writes: ENTRIES.
-- @include sale_index
local function commit(incarnation, attempt)
  local entry = entry_of(incarnation)
  if not entry then return 0 end
  if entry[STATE] ~= LIVE then return 1 end
  if entry[ATTEMPT] ~= attempt then return 0 end
  if late then return 9 end
  entry[STATE] = REMOVING
  save(incarnation, entry)
  return 1
end

local parts = { 'opened', clock, 0 }
for _, item in ipairs(items) do parts[#parts + 1] = commit(unpack(item)) end
return parts
