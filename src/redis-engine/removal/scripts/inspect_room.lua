-- Items: a count. Once: 0, or 1, the incarnation, the state: N not_open, O open, P paused, S
--   sold_out, E ended
-- Writes: nothing.
-- @include removal
if not known then return { 'opened', clock, 0, 0 } end
local now = time_since(live[1], live[2], min_time)
local state = live[13] == 1 and 'P' or 'O'
if static[5] >= 0 and now < static[5] then state = 'N' end
if live[18] == 3 then state = 'S' elseif live[18] == 4 then state = 'E' end
return { 'opened', now, now - clock, 1, known, state }
