-- The events of a partition: how they are stored, and how a call appends its own.
-- @include partition, stored_values

-- An entry of EVENTS is its time, then groups. Calls back with the type, the argument and the
-- subject of each group, and with that time: one group at a time, because the number of groups has
-- no bound.
local function each_group(packed, call_back)
  local offset, at = cmsgpack.unpack_one(packed)
  local kind, argument, subject
  while offset >= 0 do
    offset, kind, argument, subject = cmsgpack.unpack_limit(packed, 3, offset)
    call_back(kind, argument, subject, at)
  end
end

-- The events of this call, one stream entry for all of them. Its id is the sequence of the first,
-- so a sequence can never be used twice, and its one field is the batch id of the call. Neighbours
-- of the same type and argument share a group.
local groups, emitted = {}, 0
-- Emits the events that a command has gathered and not emitted yet, so that events keep the order
-- of their changes.
local emit_gathered = function() end

-- An event that is not about a reservation.
local function emit(kind, argument, subject)
  emit_gathered()
  emitted = emitted + 1
  groups[#groups + 1] = { kind, argument, subject }
end

-- Events of one kind about several reservations: their buckets and their nonces, joined. `record`:
-- the one reservation, of which the cart may have been changed; `subject`: in place of the
-- references.
local function emit_many(kind, argument, buckets, nonces, record, subject)
  emit_gathered()
  if record and record[FIRST] ~= '' then
    local times = record[FIRST]:sub(1, (cmsgpack.unpack_one(record[FIRST])))
    argument = cmsgpack.pack(argument) .. times .. record[ITEMS]
  end
  emitted = emitted + #nonces / 6
  local last = groups[#groups]
  if subject or not (last and last[1] == kind and last[2] == argument) then
    last = { kind, argument, subject, buckets = {}, nonces = {} }
    groups[#groups + 1] = last
  end
  last.buckets[#last.buckets + 1] = buckets
  last.nonces[#last.nonces + 1] = nonces
end

local function save_events()
  if emitted == 0 then return end
  local parts = { cmsgpack.pack(now) }
  for i, group in ipairs(groups) do
    local subject = group[3] or table.concat(group.buckets) .. table.concat(group.nonces)
    parts[i + 1] = cmsgpack.pack(group[1], group[2], subject)
  end
  redis.call('XADD', EVENTS, string.format('%d-0', sequence + 1), batch_id, table.concat(parts))
  sequence = sequence + emitted
  latest_batch_id = batch_id
end
