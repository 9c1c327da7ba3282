-- Gives reservations to other buyers, or sends them on their way to another partition.
-- Columns: incarnation, deadline, min_time, references, wishes
--   wishes: of each item { id, receiver, new reference, new id, from, other, household or '',
--     record }
--   ids as texts; receiver: '' to begin no transfer; from: '' if none was given; other: the
--     partition of the new id, -1 for this one; record: '', or in a recovery { payment, created,
--     expires, buyer, key, items, first, household, earlier } of the old one; times in epoch ms
-- Statuses: R transferred: the new record, the old one as it left   G departed: the record as it
--     left, the id that it left for, the receiver, the latest id with further payments, or '', the
--     household or ''
--   V moved: as in transferred_records.lua
--   L limit_exceeded: as in reserve.lua
--   with their record: P transferred, again   X expired   B already_released   C already_refunded
--   without: M not_found   T retry
-- Writes: all but RESTOCKS.
-- @include partition, may_write, types, stored_values, stock_moves, records, record_changes
-- @include expiry, limits_and_stock, transferred_records, earlier_records, transfer_steps
-- @include each_reservation, ended_holds, idempotency
local wishes = call[5]
answer_of[IS_RELEASED], answer_of[DUE_RELEASED] = 'B', 'B'
answer_of[IS_CONFIRMED], answer_of[IS_CONFIRMED_LATE], answer_of[IS_REFUNDED] = nil, nil, 'C'

-- Leaves a record that says where the reservation went.
local function leave(record, bucket, in_archive, wish, state, from, to)
  local new_id = wish[4]
  archived = archived + 1
  archive_changes[move_field(record, bucket)] = cmsgpack.pack(new_id, wish[2], new_id, record[STATE], wish[7])
  local subject = cmsgpack.pack(bucket .. record[NONCE], new_id)
  change(record, bucket, in_archive, state, DEPARTED, NONE, from, to, subject)
end

-- The latest id of a reservation under which further payments were recorded, or ''.
local function latest_with_payments(record, bucket, id)
  return from_archive('f' .. bucket .. record[NONCE]) and id or earlier_of(record, bucket)
end

-- Details of a reservation on its way.
local function departed(record, bucket, id)
  local first, receiver, _, before, household = cmsgpack.unpack(from_archive(move_field(record, bucket)))
  local values = { unpack(record, 1, RECORD) }
  values[STATE] = before
  return 'G', { encode(values), first, receiver, latest_with_payments(record, bucket, id), household }
end

local function depart(record, bucket, in_archive, wish)
  leave(record, bucket, in_archive, wish, IS_DEPARTED, place_of(record[STATE]), IN_TRANSIT)
  count_carried('s', wish[6], lines_of(record[ITEMS]), 1)
  changed_rows.d = departing() .. wish[1]
  -- These units may be available to others, if the hold expires on its way.
  returns = returns + 1
  return departed(record, bucket, wish[1])
end

-- The old record in a recovery: the new one is restored by itself, with units of its own.
local function restore(record, bucket, in_archive, wish)
  local had_units = is_active(record[STATE])
  leave(record, bucket, in_archive, wish, IS_TRANSFERRED, had_units and place_of(record[STATE]), had_units and AVAILABLE)
  return moved(record, bucket)
end

local function transfer(record, bucket, in_archive, wish)
  if record[STATE] == IS_DEPARTED then return departed(record, bucket, wish[1]) end
  if bypass_freeze == 1 then return restore(record, bucket, in_archive, wish) end
  if wish[6] >= 0 then return depart(record, bucket, in_archive, wish) end
  local id, receiver, reference, _, _, _, household = unpack(wish)
  local to, nonce, lines = reference:sub(1, 6), reference:sub(7), lines_of(record[ITEMS])
  -- Within a household the units count for it all the time.
  local counts_for = household ~= record[HOUSEHOLD] and household or ''
  load_buckets({ to })
  load_lines(lines)
  local sku, limit, taken, index, of = limit_exceeded(lines, to, receiver, counts_for)
  if sku == 'retry' then return 'T' end
  if sku then return 'L', limit_details(to, receiver, lines, sku, limit, taken, index, of) end
  local values, expires = { unpack(record, 1, RECORD) }, expires_at(record)
  leave(record, bucket, in_archive, wish, IS_TRANSFERRED)
  local earlier = latest_with_payments(record, bucket, id)
  local taken = take_over(to, nonce, receiver, household, values, expires, id, record[BUYER], earlier)
  return 'R', { encode(taken), encode(values) }
end

-- A record of which a recovery knows more than the partition; it gets no units.
local function without_units(bucket, nonce, i)
  local record = wishes[i][8]
  if bypass_freeze == 0 or not record or record == '' then return nil, 'M' end
  if late then return nil, 'T' end
  local payment, created, expires, buyer, key, items, first, household, earlier = unpack(record)
  if key ~= '' and find_key(bucket, buyer, key) then key = '' end
  append(bucket, encode({ IS_EXPIRED, payment, created - epoch, expires - created, nonce, buyer, key, items, first, household }))
  set_earlier(bucket, nonce, earlier)
  return (find(bucket, nonce))
end

-- @rarely transfer
local transfers

return answer_each(function(record, bucket, i, in_archive)
  local state, wish = record[STATE], wishes[i]
  local receiver, from = wish[2], wish[5]
  if state == IS_TRANSFERRED then return moved(record, bucket) end
  if state ~= IS_DEPARTED then
    if receiver == '' then return 'M' end
    if bypass_freeze == 0 then
      if receiver == record[BUYER] then return 'P' end
      if from ~= '' and from ~= record[BUYER] then return 'M' end
      if answer_of[state] then return answer_of[state] end
      -- The keys of its refunds stay with the old record: a repeated one must not refund again.
      if ordered_of(record) ~= '' then return 'C' end
    end
    if late then return 'T' end
  end
  transfers = transfers or rare()
  return transfers(record, bucket, in_archive, wish)
end, true, without_units)
