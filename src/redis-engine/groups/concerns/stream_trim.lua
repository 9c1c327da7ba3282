-- The oldest entries of the stream: which one is left, and which may be trimmed.
-- @include consumer_groups

-- The sequence of the oldest event, if known. The id of an entry contains it.
local first_sequence

local function sequence_of(id)
  return tonumber(id:match('^%d+'))
end

-- The sequence of the oldest event that is left.
local function first_left()
  if sequence == 0 then return 1 end
  first_sequence = first_sequence or sequence_of(redis.call('XRANGE', EVENTS, '-', '+', 'COUNT', 1)[1][1])
  return first_sequence
end

-- An entry's value begins with the time of all its events, and it ends where the next one begins.
local TRIM_AT_ONCE = 100 -- tuning: entries that one call trims
local FIRST_PAGE, OTHER_PAGES = 2, 16 -- tuning: entries that are read at a time
local expired_waits, read_all

-- The position up to which every group has processed the events.
local function dealt_with()
  if not read_all and not of_other_sale then
    local fields = redis.call('HGETALL', GROUPS)
    for i = 1, #fields, 2 do
      local name = fields[i]:sub(2)
      if fields[i] ~= 'head' and known[name] == nil then known[name] = { cmsgpack.unpack(fields[i + 1]) } end
    end
  end
  read_all = true
  local position = sequence
  for _, group in pairs(known) do
    if group then position = math.min(position, group[POSITION]) end
  end
  return position
end

-- A sweep finds an expired hold by the entry that made it, so no entry is trimmed before the sweep.
local function waits_for_sweep()
  if expired_waits == nil then
    expired_waits = redis.call('ZCOUNT', EXPIRY, '-inf', string.format('%d', now)) > 0
  end
  return expired_waits
end

-- Trims the stream or, if the call is late, returns whether it would. It reads only what the
-- decision needs: mostly that the oldest entry must stay.
local function trim(older_than, max_events)
  if sequence == 0 or waits_for_sweep() then return false end
  local dealt = dealt_with()
  -- A consumer may know older rules.
  local kept = math.max(older_than, longest_hold)
  local from, left, size, trims = '-', TRIM_AT_ONCE, FIRST_PAGE, false
  while true do
    local page = redis.call('XRANGE', EVENTS, from, '+', 'COUNT', size)
    local i = 1
    while left > 0 and i < #page do
      local _, at = cmsgpack.unpack_one(page[i][2][2])
      local last = sequence_of(page[i + 1][1]) - 1
      if at > now - kept or (last > dealt and sequence - last < max_events) then break end
      i, left, trims = i + 1, left - 1, true
    end
    from = page[i][1]
    if left == 0 or i < #page or #page < size then break end
    size = OTHER_PAGES
  end
  if late then return trims end
  if trims then redis.call('XTRIM', EVENTS, 'MINID', '=', from) end
  first_sequence = sequence_of(from)
  return trims
end
