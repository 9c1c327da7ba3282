-- Gives back lapsed holds that nobody has asked for yet.
-- Columns: token, deadline, floor, count
--   count: how many ask; all get the same answer
-- Statuses: W swept. Details, once: when to look again in epoch ms, -1 for never
-- Writes: all but RESTOCKS.
-- @rarely sweep_all
-- @include partition, may_write, expiry, commit
if is_due() then rare()() end
local next_at = now
if not more_lapsed then
  local following = redis.call('ZRANGE', EXPIRY, #swept, #swept, 'WITHSCORES')
  next_at = tonumber(following[2]) or -1
end
return finish(('W'):rep(call[4]), { next_at })
