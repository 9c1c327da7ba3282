-- The buckets this call has to do with, as they are kept: read once, written once. What looks into them stands in _records.lua.
--
-- raw: what each loaded bucket holds, false for nothing; lists: decoded, then in place of raw; written: field, value, ... of
-- buckets to be written. archive_changes: field -> value, see _records.lua.
local raw, lists, written, archive_changes = {}, {}, {}, {}
local IS_HELD = 0 -- the state of a new reservation
-- Set by what changes records, once it is made, see _changes.lua.
local save_records

-- Reads the buckets that are not known yet with one HMGET.
local function load_buckets(buckets)
  local wanted = {}
  for _, bucket in ipairs(buckets) do
    if raw[bucket] == nil then
      raw[bucket] = false
      wanted[#wanted + 1] = bucket
    end
  end
  local found = read_fields(BUCKETS, wanted)
  for i, bucket in ipairs(wanted) do raw[bucket] = found[i] end
end

local lines_by_items = {}

-- A cart as sku, quantity, sku, quantity, ...
local function lines_of(items)
  local lines = lines_by_items[items]
  if not lines then
    lines = { cmsgpack.unpack(items) }
    lines_by_items[items] = lines
  end
  return lines
end
