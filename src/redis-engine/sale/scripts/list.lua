-- Reads reservations of buyers, the latest first.
-- Columns: incarnation, deadline, min_time, buckets, buyers, afters, most
--   afters: the nonce of the reservation before which to go on, '' to begin; most: how many
-- Statuses: F listed: their records, one after another; the buyer's household or ''   M not_found
-- Writes: nothing.
-- @include partition, read_only, types, stored_values, records
local buckets, buyers, afters, most = call[4], call[5], call[6], call[7]
local statuses, details = {}, {}
-- A page has this many bytes, or somewhat more: a cart may have 1,000 lines.
local PAGE_BYTES = 262144 -- tuning

-- Where to go on, as for next_of_buyer; nil if the buyer has no such reservation.
local function beginning(bucket, buyer, after)
  local list = records(bucket)
  if after == '' then return #list + 1 end
  for at, record in ipairs(list) do
    if record[NONCE] == after and record[BUYER] == buyer then return at end
  end
  local record, in_archive = find(bucket, after)
  if in_archive and record[BUYER] == buyer then return 1, after end
end

load_buckets(buckets)
for i, bucket in ipairs(buckets) do
  local at, nonce = beginning(bucket, buyers[i], afters[i])
  statuses[i] = at and 'F' or 'M'
  if at then
    local page, bytes, record = {}, 0, nil
    repeat
      record, at, nonce = next_of_buyer(bucket, buyers[i], at, nonce)
      if record then
        page[#page + 1] = encode(record)
        bytes = bytes + #page[#page]
      end
    until not record or #page >= most[i] or bytes >= PAGE_BYTES
    details[#details + 1] = table.concat(page)
    details[#details + 1] = from_archive('h' .. buyers[i]) or ''
  end
end
return reply(table.concat(statuses), details)
