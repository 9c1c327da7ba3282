-- Items: a count. Once: 0, or 1, the incarnation, the state's letter, changedAt, the attempt by
--   which it is sealed (-1: it is not)
-- Writes: nothing.
-- @include sale_state
if not known then return { 'opened', clock, 0, 0 } end
local closed_at = static[5] >= 0 and now >= static[5] and static[5] or 0
return { 'opened', now, now - clock, 1, known, sale_state(), math.max(live[1], closed_at), is_sealed and attempt or -1 }
