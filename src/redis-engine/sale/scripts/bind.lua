-- Records that buyers are of households. A buyer never changes to another one.
-- Columns: incarnation, deadline, min_time, buyers, households
--   households: '' to ask
-- Statuses: B bound: the household or ''   T retry
-- Writes: META, EVENTS, ARCHIVE.
-- @include partition, may_write, types, stored_values, records, record_changes, event_log, commit
local buyers, households = call[4], call[5]
local statuses, details = {}, {}

local function bind(buyer, household)
  local field = 'h' .. buyer
  local known = from_archive(field)
  if known or household == '' then return 'B', known or '' end
  if late then return 'T' end
  save_records = save_changes
  archived = archived + 1
  archive_changes[field] = household
  emit(BOUND, NONE, cmsgpack.pack(buyer, household))
  return 'B', household
end

for i, buyer in ipairs(buyers) do
  local status, household = bind(buyer, households[i])
  statuses[i], details[#details + 1] = status, household
end
return finish(table.concat(statuses), details)
