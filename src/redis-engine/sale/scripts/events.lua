-- Reads the partition's events.
-- Columns: incarnation, deadline, min_time, afters, withs
--   afters: the events after these sequences are returned; withs: 1 returns their reservations too
-- Statuses: W events. Details, each item: first sequence, packed events, first sequence, packed
--   events, ...; since; all buckets; the packed records of each, packed (one string for all: a
--   reply of thousands of values costs both sides more than the rest); bucket and nonce, packed
--   record, ... of those in the archive
-- Writes: nothing.
-- @include lists, partition, read_only, types, stored_values, event_log

-- Events in one page, or somewhat more. A larger page outlives a collection of young objects in the
-- process that reads it, which costs more than more frequent calls.
local ENOUGH = 750 -- tuning
local FIRST_LOOK = 2 -- tuning
-- Reservations are read for EVENTS_AT_ONCE events at a time, until they have PAGE_BYTES bytes: a
-- cart may have 1,000 lines.
local EVENTS_AT_ONCE, PAGE_BYTES = 128, 262144 -- tuning
local statuses, details = {}, {}

-- The entries from the first requested event on. An entry's id is the sequence of its first event,
-- so the requested event may be within the entry before.
local function entries_behind(after)
  local holding = redis.call('XREVRANGE', EVENTS, string.format('%d-0', after + 1), '-', 'COUNT', 1)
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

-- Reads the reservations that the entries name. Returns the number of entries first: a page ends
-- when it has enough bytes.
local function add_reservations(entries)
  local buckets, references, known = {}, {}, {}
  local stored, archive, bytes = {}, {}, 0

  local function name(bucket, nonce)
    if not known[bucket] then
      known[bucket] = true
      buckets[#buckets + 1] = bucket
    end
    if archived > 0 and not known[bucket .. nonce] then
      known[bucket .. nonce] = true
      references[#references + 1] = bucket .. nonce
    end
  end
  local function name_all(kind, _, subject)
    if kind == RESTOCKED or kind == TOTAL_SET or kind == MOVED or kind == UPDATED or kind == BOUND or type(subject) ~= 'string' then
      return
    end
    local is_packed = kind == REFUND_DUE_FURTHER or kind == REFUNDED_BY_KEY or kind == DEPARTED or kind == TRANSFERRED
    if is_packed then subject = cmsgpack.unpack(subject) end
    local half = #subject / 2
    for j = 1, half, 6 do name(subject:sub(j, j + 5), subject:sub(half + j, half + j + 5)) end
  end

  -- A bucket is not searched for a nonce, because a client's key may contain the same bytes.
  local buckets_read, references_read = 0, 0
  local function read_named()
    local wanted, fields = {}, {}
    for i = buckets_read + 1, #buckets do wanted[#wanted + 1] = buckets[i] end
    for _, packed in ipairs(read_fields(BUCKETS, wanted)) do
      stored[#stored + 1] = packed or ''
      bytes = bytes + #stored[#stored]
    end
    for i = references_read + 1, #references do fields[#fields + 1] = 'r' .. references[i] end
    for i, packed in ipairs(read_fields(ARCHIVE, fields)) do
      if packed then
        archive[#archive + 1] = references[references_read + i]
        archive[#archive + 1] = packed
        bytes = bytes + #packed
      end
    end
    buckets_read, references_read = #buckets, #references
  end

  local count = #entries
  for i, entry in ipairs(entries) do
    each_group(entry[2][2], name_all)
    if i == #entries or math.max(#buckets - buckets_read, #references - references_read) >= EVENTS_AT_ONCE then
      read_named()
      if bytes >= PAGE_BYTES then
        count = i
        break
      end
    end
  end
  return count, table.concat(buckets), pack_all(stored), archive
end

for i, after in ipairs(call[4]) do
  local entries = entries_behind(after)
  local count, reservations = #entries, {}
  if call[5][i] == 1 then
    reservations = { add_reservations(entries) }
    count = reservations[1]
  end
  local found = {}
  for j = 1, count do
    found[#found + 1] = entries[j][1]:sub(1, -3)
    found[#found + 1] = entries[j][2][2]
  end
  statuses[i] = 'W'
  details[#details + 1] = found
  details[#details + 1] = since
  for j = 2, #reservations do details[#details + 1] = reservations[j] end
end
return reply(table.concat(statuses), details)
