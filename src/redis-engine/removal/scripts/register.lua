-- Adds incarnations that are not in the index, and numbers attempts to remove them.
-- Items: { incarnation, kind, name, partitions, attempts 0 or 1, retains 0 or 1 }
-- Parts: of each item a state and an attempt; state 9: retry
-- Writes: ENTRIES.
-- @include sale_index
local function register(incarnation, kind, name, partitions, attempts, retains)
  local known = entry_of(incarnation)
  local begins = attempts == 1 and (not known or known[STATE] == LIVE)
  local changes = begins or not known or retains > known[RETAINS]
  if late and changes then return 9, 0 end
  local entry = known or new_entry(kind, name, partitions)
  if begins then entry[ATTEMPT] = entry[ATTEMPT] + 1 end
  entry[RETAINS] = math.max(entry[RETAINS], retains)
  if changes then save(incarnation, entry) end
  return entry[STATE], entry[ATTEMPT]
end

local parts = { 'opened', clock, 0 }
for _, item in ipairs(items) do
  local state, attempt = register(unpack(item))
  parts[#parts + 1] = state
  parts[#parts + 1] = attempt
end
return parts
