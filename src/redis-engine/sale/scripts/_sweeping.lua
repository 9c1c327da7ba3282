-- An index entry names the event entry whose holds lapse then, so no bucket is kept twice: `<first sequence>/<expiry>`.
-- The holds that are due: their buckets, and their nonces.
local function due_holds(member)
  local buckets, nonces = {}, {}
  local id = member:match('^%d+') .. '-0'
  local entry = redis.call('XRANGE', EVENTS, id, id)[1]
  if not entry then
    history_lost = true
    return buckets, nonces
  end
  each_group(entry[2][2], function(kind, argument, subject, at)
    local expiry = kind == RESERVED and at + argument or kind == EXTENDED and argument
    if expiry and now >= expiry then
      local half = #subject / 2
      for j = 1, half, 6 do
        buckets[#buckets + 1] = subject:sub(j, j + 5)
        nonces[#nonces + 1] = subject:sub(half + j, half + j + 5)
      end
    end
  end)
  return buckets, nonces
end

local READ_AHEAD = 64 -- tuning
local due, next_due = {}, 1 -- index entries that are due, read ahead

-- The next index entry that is due.
local function next_member()
  if next_due > #due then
    due = redis.call('ZRANGE', EXPIRY, '-inf', string.format('%.0f', now), 'BYSCORE', 'LIMIT', #swept, READ_AHEAD)
    next_due = 1
  end
  return due[next_due]
end

-- Sweeps the next index entry that is due. False when there is nothing more to sweep, or the call has done its share.
local function sweep_some()
  if not more_lapsed or budget <= 0 or lines_moved >= LINES_AT_ONCE then return false end
  local member = next_member()
  if not member then
    more_lapsed = false
    return false
  end
  local buckets, nonces = due_holds(member)
  budget = budget - math.max(#buckets, 4)
  load_buckets(buckets)
  for i, bucket in ipairs(buckets) do
    -- The rest of an entry is swept by another call; what was swept of it costs that no lines.
    if lines_moved >= LINES_AT_ONCE then return true end
    find_now(bucket, nonces[i])
  end
  swept[#swept + 1] = member
  next_due = next_due + 1
  return true
end

-- Sweeps until a SKU has so many units. Then: true, false (there are no more), or nil (not known within the budget).
local function available_units(sku, quantity)
  while counts(sku)[AVAILABLE] < quantity do
    if not sweep_some() then
      if more_lapsed then return nil end
      return false
    end
  end
  return true
end
