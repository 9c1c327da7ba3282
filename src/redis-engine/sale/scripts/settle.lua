-- Tells the senders' records how their transfers ended.
-- Columns: incarnation, deadline, min_time, references, ids, settlements
--   ids: as texts; settlements: of each item { the id that it left for, its partition, arrived 0 or
--     1, the id that it has now or '' }
-- Statuses: G settled   T retry
-- Writes: all but RESTOCKS.
-- @include partition, may_write, types, stored_values, stock_moves, records, record_changes
-- @include transfer_steps, expiry, commit
local references, ids, settlements = call[4], call[5], call[6]
local statuses, buckets = {}, {}
for i, reference in ipairs(references) do buckets[i] = reference:sub(1, 6) end
load_buckets(buckets)

-- The receiver's limit did not allow it.
local function come_back(record, bucket, in_archive, other, state)
  local expires = expires_at(record)
  local subject = cmsgpack.pack(bucket .. record[NONCE], state, '', '')
  count_carried('s', other, lines_of(record[ITEMS]), -1)
  change(record, bucket, in_archive, state, TRANSFERRED, expires, IN_TRANSIT, place_of(state), subject)
  if state == IS_HELD then watch_expiry(expires) end
end

-- The ids that leave the list of departures: together, since it may have thousands.
local forgotten = {}

local function settle(bucket, nonce, id, to, other, arrived, latest)
  if lines_moved + lines_read >= LINES_AT_ONCE then return 'T' end
  local record, in_archive = find_now(bucket, nonce)
  if not record or record[STATE] < IS_DEPARTED then return 'G' end
  local first, receiver, present, before, household = cmsgpack.unpack(from_archive(move_field(record, bucket)))
  local goes_on = arrived == 1 and latest ~= '' and latest ~= present
  local is_new = record[STATE] == IS_DEPARTED
  if first ~= to or not (is_new or goes_on) then return 'G' end
  if late then return 'T' end
  if goes_on then
    save_records = save_changes
    archive_changes[move_field(record, bucket)] = cmsgpack.pack(first, receiver, latest, before, household)
  end
  if is_new then
    forgotten[id] = true
    if arrived == 1 then
      change(record, bucket, in_archive, IS_TRANSFERRED, SETTLED, NONE)
    else
      come_back(record, bucket, in_archive, other, before)
    end
  end
  return 'G'
end

for i, reference in ipairs(references) do
  statuses[i] = settle(buckets[i], reference:sub(7), ids[i], unpack(settlements[i]))
end
if next(forgotten) then
  local left = {}
  for one in departing():gmatch(('.'):rep(#ids[1])) do
    if not forgotten[one] then left[#left + 1] = one end
  end
  changed_rows.d = table.concat(left)
end
return finish(table.concat(statuses), {})
