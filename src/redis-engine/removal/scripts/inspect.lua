-- Items: a count. Once: 0, or 1, the incarnation, the state's letter, changedAt, the latest
--   attempt, sealed 0 or 1, frozen 0 or 1
-- Writes: nothing.
-- @include sale_state
if not known then return { 'opened', clock, 0, 0 } end
local closed_at = static[5] >= 0 and now >= static[5] and static[5] or 0
return { 'opened', now, now - clock, 1, known, sale_state(), math.max(live[1], closed_at), attempt, is_sealed and 1 or 0, live[10] }
