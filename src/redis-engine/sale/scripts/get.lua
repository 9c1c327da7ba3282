-- Reads reservations.
-- Columns: incarnation, deadline, min_time, references
-- Statuses: F found: record as stored
--   V found, transferred: record, then as in transferred_records.lua   M not_found
-- Writes: nothing.
-- @include partition, read_only, types, stored_values, records, transferred_records
local statuses, details, buckets = {}, {}, {}
for i, reference in ipairs(call[4]) do buckets[i] = reference:sub(1, 6) end
load_buckets(buckets)
for i, reference in ipairs(call[4]) do
  local record = find(buckets[i], reference:sub(7))
  statuses[i] = record and 'F' or 'M'
  if record then details[#details + 1] = encode(record) end
  if record and record[STATE] >= IS_DEPARTED then
    local status, others = moved(record, buckets[i])
    statuses[i] = status
    for _, value in ipairs(others) do details[#details + 1] = value end
  end
end
return reply(table.concat(statuses), details)
