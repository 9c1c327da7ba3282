-- Writes everything this call changed, and builds the reply. Until here nothing was written that a failure could leave
-- half done: reading and deciding come first.
local function finish(statuses, details)
  if history_lost then return { 'lost', now } end
  local events_before = sequence
  save_buckets()
  save_archive()
  save_stock()
  save_expiry()
  save_events()
  if sequence > events_before or #swept > 0 then
    redis.call('HSET', META, 'live', cmsgpack.pack(
      now, sequence, paused, ended, archived, bucketCount, expiryCount, restockCount))
  end
  local reply = { 'done', now, sequence, epoch, holdMs, statuses }
  for i = 1, #details do reply[6 + i] = details[i] end
  return reply
end
