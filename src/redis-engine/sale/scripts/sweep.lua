-- Sweeps expired holds that no call has swept yet.
-- Columns: incarnation, deadline, min_time, count
--   count: the items, which all get the same answer
-- Statuses: W swept. Details, once: when to sweep again in epoch ms, -1 for never
-- Writes: all but RESTOCKS.
-- @include partition, may_write, types, expiry, commit

-- @rarely sweep_all
if is_due() then rare()() end
local next_at = now
if not more_expired then
  local following = redis.call('ZRANGE', EXPIRY, #swept, #swept, 'WITHSCORES')
  next_at = tonumber(following[2]) or -1
end
return finish(('W'):rep(call[4]), { next_at })
