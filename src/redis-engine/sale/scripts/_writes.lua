-- What every script that may write begins with, behind the opening.
local function live()
  return cmsgpack.pack(
    now, sequence, paused, ended, archived, bucketCount, expiryCount, restockCount, line, frozen, tip, transferCount,
    returns, since, ahead)
end

-- What was written beyond this point on the present line is not part of the history that goes on from here.
local function freeze()
  frozen, since = 1, sequence
  redis.call('HSET', META, 'live', live())
end

if recovers == 0 then
  if frozen == 0 and not remembers_seen() then freeze() end
  if frozen == 1 then return { 'rolled_back', clock } end
end

local late = clock > deadline

-- HSET of any number of field, value pairs; returns how many fields are new.
local function write_fields(key, pairs_)
  local added = 0
  for last, first in next_piece, pairs_, 0 do
    added = added + redis.call('HSET', key, unpack(pairs_, first, last))
  end
  return added
end
