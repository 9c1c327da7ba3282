-- Reads the partition's events.
-- Columns: token, deadline, floor, afters, withs
--   afters: sequence numbers; what comes behind them is wanted; withs: 1 where the reservations are wanted too
-- Statuses: W events. Details, each item: first sequence, packed events, first sequence, packed events, ...; since;
--   all buckets; the packed records of each, packed (one string for all: a reply of thousands costs both sides more than the rest);
--   bucket and nonce, packed record, ... of those in the archive
-- Writes: nothing.
-- Events in one page, or somewhat more: one that is larger outlives a collection of young objects in who reads it, which costs
-- them more than to ask more often.
local ENOUGH = 750 -- tuning
local FIRST_LOOK = 2 -- tuning
local statuses, details = {}, {}

-- Entries from the one that holds the wanted event on. One bears the number of its first event, so the wanted one may lie
-- within the entry before.
local function entries_behind(after)
  local holding = redis.call('XREVRANGE', EVENTS, string.format('%.0f-0', after + 1), '-', 'COUNT', 1)
  local from = holding[1] and holding[1][1] or '-'
  local entries = {}
  local count = FIRST_LOOK -- doubled with each look, for an entry has one event or hundreds
  repeat
    count = 2 * count
    local page = redis.call('XRANGE', EVENTS, from, '+', 'COUNT', count)
    for _, entry in ipairs(page) do entries[#entries + 1] = entry end
    local last = page[#page]
    from = last and '(' .. last[1]
  until #page < count or tonumber(last[1]:sub(1, -3)) - after >= ENOUGH
  return entries
end

-- Each bucket that the entries speak of, once; and, where there is an archive, each bucket with nonce.
local function references_of(entries)
  local buckets, references, known = {}, {}, {}
  for _, entry in ipairs(entries) do
    each_group(entry[2][2], function(kind, _, subject)
      local half = kind ~= RESTOCKED and type(subject) == 'string' and #subject / 2 or 0
      for j = 1, half, 6 do
        local bucket = subject:sub(j, j + 5)
        if not known[bucket] then
          buckets[#buckets + 1] = bucket
          known[bucket] = true
        end
        if archived > 0 then
          local reference = bucket .. subject:sub(half + j, half + j + 5)
          if not known[reference] then references[#references + 1] = reference end
          known[reference] = true
        end
      end
    end)
  end
  return buckets, references
end

local function pairs_of(fields, values)
  local list = {}
  for i, field in ipairs(fields) do
    if values[i] then
      list[#list + 1] = field
      list[#list + 1] = values[i]
    end
  end
  return list
end

local function add_reservations(entries)
  local buckets, references = references_of(entries)
  local found, fields = read_fields(BUCKETS, buckets), {}
  for i = 1, #buckets do found[i] = found[i] or '' end
  details[#details + 1] = table.concat(buckets)
  details[#details + 1] = pack_all(found)
  -- Where a reservation lies is not looked for in its bucket: a client's key there may look like any nonce.
  for i, reference in ipairs(references) do fields[i] = 'r' .. reference end
  details[#details + 1] = pairs_of(references, read_fields(ARCHIVE, fields))
end

for i, after in ipairs(call[4]) do
  local entries = entries_behind(after)
  local found = {}
  for _, entry in ipairs(entries) do
    found[#found + 1] = entry[1]:sub(1, -3)
    found[#found + 1] = entry[2][2]
  end
  statuses[i] = 'W'
  details[#details + 1] = found
  details[#details + 1] = since
  if call[5][i] == 1 then add_reservations(entries) end
end
return reply(table.concat(statuses), details)
