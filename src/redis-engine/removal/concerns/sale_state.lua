-- The state of a partition that may be sealed.
-- @include removal
local now = known and time_since(live[1], live[15], min_time) or clock

local function sale_state()
  if live[4] == 1 or (static[5] >= 0 and now >= static[5]) then return 'E' end
  if now < static[4] then return 'N' end
  return live[3] == 1 and 'P' or 'O'
end
