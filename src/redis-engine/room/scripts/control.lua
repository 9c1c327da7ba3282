-- Sets the pace, pauses, resumes.
-- Columns: incarnation, deadline, min_time, actions, rates, bursts
--   actions: pause | resume | pace; rates: tokens per 1,000 s; bursts: -1 does not change it; both
--     0 if the action does not use them
-- Statuses: S controlled   T retry
-- Parts: statuses
-- Writes: META, and the keys that moving on writes.
-- @include room, move_on
local statuses = {}

local function changes(action, rate, burst)
  if action ~= 'pace' then return room.paused ~= (action == 'pause' and 1 or 0) end
  return rate ~= room.rate or (burst >= 0 and burst ~= room.burst)
end

local function set_pace(rate, burst)
  if burst >= 0 then room.burst = burst end
  room.tokens = math.min(room.tokens, room.burst * TOKEN)
  if rate ~= room.rate then
    room.rate = rate
    set_speed_samples()
  end
end

for i, action in ipairs(call[4]) do
  local rate, burst = call[5][i], call[6][i]
  if late then
    statuses[i] = changes(action, rate, burst) and 'T' or 'S'
  else
    move_on()
    if action == 'pace' then set_pace(rate, burst) else room.paused = action == 'pause' and 1 or 0 end
    statuses[i] = 'S'
  end
end
local parts = { table.concat(statuses) }
if late then return reply(parts) end
return commit(parts)
