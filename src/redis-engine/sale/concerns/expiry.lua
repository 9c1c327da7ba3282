-- When holds expire, and which expired holds a call sweeps. A call sweeps before it refuses a buyer
-- for lack of units, up to a limit for each call.
-- @include lists, partition, stored_values, stock_moves, records, event_log, record_changes
local SWEEP_AT_ONCE = 512 -- tuning: holds examined in one call, some 5 ms of the server's time
local budget, more_expired = SWEEP_AT_ONCE, true
-- The members of EXPIRY that this call has swept, each once: as a list and as a set. They are set
-- here, not with what sweeps, so that however often that is made no member counts twice.
local swept, is_swept, watched = {}, {}, {}
-- True if the events that name the holds are gone: then nothing may be decided, see commit.lua.
local history_lost = false

-- Whether there may be expired holds to sweep. Mostly there are none, and then the call need not
-- create the functions that sweep.
local function is_due()
  more_expired = redis.call('ZCOUNT', EXPIRY, '-inf', now) > 0
  return more_expired
end

-- Holds whose events this call writes expire at this time.
local function watch_expiry(at)
  watched[at] = true
end

local function save_expiry()
  expiryCount = expiryCount - #swept
  for last, first in next_piece, swept, 0 do redis.call('ZREM', EXPIRY, unpack(swept, first, last)) end
  for at in pairs(watched) do
    local expiry = string.format('%d', at)
    redis.call('ZADD', EXPIRY, expiry, string.format('%d/', sequence + 1) .. expiry)
    expiryCount = expiryCount + 1
  end
end

local function expires_at(record)
  local hold = record[HOLD]
  return epoch + record[CREATED] + (hold == 0 and holdMs or hold)
end

-- Gives a hold back if it has expired.
local function expire_if_due(record, bucket, in_archive)
  if record[STATE] == IS_HELD and now >= expires_at(record) then
    change(record, bucket, in_archive, IS_EXPIRED, EXPIRED_EVENT, NONE, HELD, AVAILABLE)
  end
end

-- As `find`, with the reservation as it is at this time.
local function find_now(bucket, nonce)
  local record, in_archive = find(bucket, nonce)
  if record then expire_if_due(record, bucket, in_archive) end
  return record, in_archive
end

-- A member of EXPIRY is `<first sequence>/<expiry>` and so names the entry of EVENTS whose holds
-- expire then: no bucket is stored twice. Answers the holds of that entry that are due, whichever
-- member names them: their buckets, their nonces, and the members.
local function due_holds(member)
  local buckets, nonces, members = {}, {}, {}
  local first = member:match('^%d+')
  local id = first .. '-0'
  local entry = redis.call('XRANGE', EVENTS, id, id)[1]
  if not entry then
    history_lost = true
    return buckets, nonces, members
  end
  each_group(entry[2][2], function(kind, argument, subject, at)
    if kind == TRANSFERRED then
      subject = cmsgpack.unpack(subject)
    elseif kind ~= RESERVED and kind ~= EXTENDED then
      return
    end
    local _, moment = nil, argument
    if type(argument) == 'string' then _, moment = cmsgpack.unpack_one(argument) end
    local expiry = kind == RESERVED and at + moment or moment
    if now >= expiry then
      members[#members + 1] = string.format('%s/%d', first, expiry)
      local half = #subject / 2
      for j = 1, half, 6 do
        buckets[#buckets + 1] = subject:sub(j, j + 5)
        nonces[#nonces + 1] = subject:sub(half + j, half + j + 5)
      end
    end
  end)
  return buckets, nonces, members
end

local READ_AHEAD = 64 -- tuning
local due, next_due, passed = {}, 1, 0 -- members of EXPIRY that are due, read ahead

-- The next member of EXPIRY that is due and not swept.
local function next_member()
  while is_swept[due[next_due] or ''] or next_due > #due do
    if next_due > #due then
      due = redis.call('ZRANGE', EXPIRY, '-inf', string.format('%d', now), 'BYSCORE', 'LIMIT', passed, READ_AHEAD)
      next_due = 1
      if #due == 0 then return nil end
    else
      next_due = next_due + 1
      passed = passed + 1
    end
  end
  return due[next_due]
end

local function mark_swept(member)
  if is_swept[member] then return end
  is_swept[member] = true
  swept[#swept + 1] = member
end

-- Sweeps the holds of the next member of EXPIRY that is due. False if there is nothing more to
-- sweep, or the call has reached its limit.
local function sweep_some()
  if not more_expired or budget <= 0 or lines_moved >= LINES_AT_ONCE then return false end
  local member = next_member()
  if not member then
    more_expired = false
    return false
  end
  local buckets, nonces, members = due_holds(member)
  budget = budget - math.max(#buckets, 4)
  load_buckets(buckets)
  for i, bucket in ipairs(buckets) do
    -- Another call sweeps the rest of the entry; the holds that were swept cost it no lines.
    if lines_moved >= LINES_AT_ONCE then return true end
    find_now(bucket, nonces[i])
  end
  mark_swept(member)
  -- The entry has as many members as its holds have expiries: after a recovery one for each hold.
  for _, other in ipairs(members) do
    if redis.call('ZSCORE', EXPIRY, other) then mark_swept(other) end
  end
  return true
end

-- Sweeps until a SKU has this quantity. Returns true, false if there is no more to sweep, or nil if
-- the budget did not suffice.
local function available_units(sku, quantity)
  while counts(sku)[AVAILABLE] < quantity do
    if not sweep_some() then
      if more_expired then return nil end
      return false
    end
  end
  return true
end

-- Sweeps until nothing is due, or the budget is spent.
local function sweep_all()
  while sweep_some() do end
end
