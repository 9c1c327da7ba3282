-- A page of all reservations for the audit; with the last one the counts at the same moment.
-- Columns: incarnation, deadline, min_time, cursors
--   cursors: '0' to begin with; then as answered: b or a for buckets or archive, and the cursor of
--     Redis
-- Statuses: W scanned. Details, each item: next cursor, STOCK or nothing, records as bucket,
--   packed, bucket, packed ...; further payments as bucket, nonce and payment id, reason, ...;
--   refunds as bucket, nonce and key, restock and part packed, ...
-- Writes: nothing.
-- @include partition, read_only, types
local statuses, details = {}, {}
local FIELDS_A_PAGE = 500 -- tuning

for i, cursor in ipairs(call[4]) do
  local in_archive = cursor:sub(1, 1) == 'a'
  local page = redis.call('HSCAN', in_archive and ARCHIVE or BUCKETS, cursor == '0' and '0' or cursor:sub(2), 'COUNT', FIELDS_A_PAGE)
  local following = page[1]
  if following ~= '0' then
    following = (in_archive and 'a' or 'b') .. following
  elseif not in_archive and archived > 0 then
    following = 'a0'
  end
  local found, payments, refunds = {}, {}, {}
  for j = 1, #page[2], 2 do
    local field, packed = page[2][j], page[2][j + 1]
    if not in_archive then
      found[#found + 1] = field
      found[#found + 1] = packed
    elseif field:sub(1, 1) == 'r' then
      found[#found + 1] = field:sub(2, 7)
      found[#found + 1] = packed
    elseif field:sub(1, 1) == 'p' then
      payments[#payments + 1] = field:sub(2)
      payments[#payments + 1] = packed
    elseif field:sub(1, 1) == 'q' and #field > 13 then
      refunds[#refunds + 1] = field:sub(2)
      refunds[#refunds + 1] = packed
    end
  end
  statuses[i] = 'W'
  details[#details + 1] = following
  details[#details + 1] = following == '0' and redis.call('HGETALL', STOCK) or {}
  details[#details + 1] = found
  details[#details + 1] = payments
  details[#details + 1] = refunds
end
return reply(table.concat(statuses), details)
