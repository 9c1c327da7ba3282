-- Takes reservations over from other partitions, if their receivers' limits allow it.
-- Columns: incarnation, deadline, min_time, references, arrivals
--   arrivals: of each item { id that it had, partition of that, sender, receiver, state 0 or as in
--     stored_values.lua, payment, created, expires, items, first, its latest id with further
--     payments, or '', the receiver's household or '', KEY if it was transferred before, or '' };
--     times in epoch ms
-- Statuses: A arrived: record   D declined before   T retry
--   L limit_exceeded: as in reserve.lua
-- Writes: all but RESTOCKS.
-- @include partition, may_write, types, stored_values, stock_moves, records, record_changes
-- @include limits_and_stock, expiry, transfer_steps, commit
local references, arrivals = call[4], call[5]
local statuses, details, buckets = {}, {}, {}
for i, reference in ipairs(references) do buckets[i] = reference:sub(1, 6) end
load_buckets(buckets)

-- Remembers that this transfer was refused for good.
local function decline(bucket, nonce)
  save_records, live_changed = save_changes, true
  archived = archived + 1
  archive_changes['n' .. bucket .. nonce] = ''
end

local function take_in_cart(declined, bucket, nonce, id, other, sender, receiver, state, payment, created, expires, items, first, earlier, household, key)
  local lines = lines_of(items)
  if (late and not declined) or not has_skus(lines) then return 'T' end
  load_lines(lines)
  local sku, limit, taken, index, of = limit_exceeded(lines, bucket, receiver, household)
  if sku == 'retry' then return 'T' end
  if sku then
    if not declined then decline(bucket, nonce) end
    return 'L', limit_details(bucket, receiver, lines, sku, limit, taken, index, of)
  end
  if declined then return 'D' end
  local values = { state, payment, created - epoch, expires - created, nonce, receiver, key, items, first, household }
  local record = take_over(bucket, nonce, receiver, household, values, expires, id, sender, earlier)
  move_cart(lines, IN_TRANSIT, place_of(state))
  count_carried('r', other, lines, 1)
  return 'A', { encode(record) }
end

local function arrive(bucket, nonce, arrival)
  if lines_moved + lines_read >= LINES_AT_ONCE then return 'T' end
  local record = find_now(bucket, nonce)
  if record then return 'A', { encode(record) } end
  return take_in_cart(from_archive('n' .. bucket .. nonce), bucket, nonce, unpack(arrival))
end

-- @rarely arrive
local arrives = rare()

for i, reference in ipairs(references) do
  local others
  statuses[i], others = arrives(buckets[i], reference:sub(7), arrivals[i])
  for _, value in ipairs(others or {}) do details[#details + 1] = value end
end
return finish(table.concat(statuses), details)
