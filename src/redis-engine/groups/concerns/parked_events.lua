-- The parked events of groups, including dead ones.
-- @include consumer_groups
local COUNT_OF = { p = WAITING, d = DEAD }

-- The members of a group's parked (p) or dead (d) events begin with this.
local function prefix_of(group, kind, event_sequence)
  return string.format('%d%s%016.0f', group[NUMBER], kind, event_sequence)
end

-- The bounds of such members: those with this sequence only, those beyond `after`, or all of them.
local function only(group, kind, event_sequence)
  return '[' .. prefix_of(group, kind, event_sequence), '(' .. prefix_of(group, kind, event_sequence + 1)
end
local function beyond(group, kind, after)
  return '[' .. prefix_of(group, kind, after + 1), string.format('(%d%s:', group[NUMBER], kind)
end
local function all_of(group, kind)
  return beyond(group, kind, -1)
end

-- All events that are parked and not dead.
local function waiting_of(group)
  local first, last = all_of(group, 'p')
  return redis.call('ZRANGE', PARKED, first, last, 'BYLEX')
end

local function count_members(group, field, difference)
  group[field] = group[field] + difference
  head[MEMBERS] = head[MEMBERS] + difference
end

-- Removes an event, whether it is parked or dead.
local function forget_event(group, event_sequence)
  for kind, field in pairs(COUNT_OF) do
    if group[field] ~= 0 then
      count_members(group, field, -redis.call('ZREMRANGEBYLEX', PARKED, only(group, kind, event_sequence)))
    end
  end
end

local function park_event(group, event_sequence, is_dead, record)
  redis.call('ZADD', PARKED, '0', prefix_of(group, is_dead and 'd' or 'p', event_sequence) .. record)
  count_members(group, is_dead and DEAD or WAITING, 1)
end
