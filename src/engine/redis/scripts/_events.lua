-- The events of this call, one stream entry for all of them: its id is the sequence number of the first, so a
-- sequence number can never be used twice. Neighbours of the same type and argument share a group.
-- Types, and what argument and subject are:
local RESERVED, CONFIRMED_EVENT, RELEASED_EVENT, EXPIRED_EVENT = 1, 2, 3, 4 -- hold in ms, 0, 0, 0; references
local REFUNDED_EVENT, EXTENDED, REFUND_DUE = 5, 6, 7 -- restock 0 or 1, expiry in epoch ms, reason; references
local RESTOCKED, SOLD_OUT, PAUSED, RESUMED, ENDED = 8, 9, 10, 11, 12 -- applied, 0, 0, 0, 0; SKU, SKU, 0, 0, 0
local groups, emitted = {}, 0

-- `reference`: the reservation's bucket and nonce, 12 bytes; or the SKU's index, or 0.
local function emit(kind, argument, reference)
  emitted = emitted + 1
  local last = groups[#groups]
  if last and last[1] == kind and last[2] == argument and kind < RESTOCKED then
    local subjects = last[3]
    subjects[#subjects + 1] = reference
  else
    groups[#groups + 1] = { kind, argument, { reference } }
  end
end

local function emit_sold_out(lines)
  for i = 1, #lines, 2 do
    if counts(lines[i])[AVAILABLE] == 0 then emit(SOLD_OUT, 0, lines[i]) end
  end
end

local function save_events()
  if emitted == 0 then return end
  local parts = { cmsgpack.pack(now) }
  for i, group in ipairs(groups) do
    local subject = group[1] < RESTOCKED and table.concat(group[3]) or group[3][1]
    parts[i + 1] = cmsgpack.pack(group[1], group[2], subject)
  end
  redis.call('XADD', EVENTS, string.format('%.0f-0', sequence + 1), 'e', table.concat(parts))
  sequence = sequence + emitted
end
