-- The events of this call, one stream entry for all of them: its id is the sequence number of the first, so a
-- sequence number can never be used twice. Its one field bears the call's mark. Neighbours of the same type and argument share a group.
local groups, emitted = {}, 0
-- Emits what a command has gathered and not emitted yet, so that events keep the order in which things happened.
local emit_gathered = function() end

-- An event that is not about a reservation.
local function emit(kind, argument, subject)
  emit_gathered()
  emitted = emitted + 1
  groups[#groups + 1] = { kind, argument, subject }
end

-- Events of one kind about several reservations: strings of as many buckets and nonces.
local function emit_many(kind, argument, buckets, nonces)
  emit_gathered()
  emitted = emitted + #nonces / 6
  local last = groups[#groups]
  if not (last and last[1] == kind and last[2] == argument) then
    last = { kind, argument, buckets = {}, nonces = {} }
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
  redis.call('XADD', EVENTS, string.format('%.0f-0', sequence + 1), mark, table.concat(parts))
  sequence = sequence + emitted
  tip = mark
end
