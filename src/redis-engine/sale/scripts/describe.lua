-- The values that a handle needs before its first request.
-- Columns: incarnation, deadline, min_time
-- Reply: described, now, how far that is ahead of the clock, incarnation, rules as created,
--   complete 0 or 1, the present rules, their revision, everywhere 0 or 1, paused 0 or 1, ended 0
--   or 1, frozen 0 or 1; or missing | lost | denied, clock; or incompatible, clock, layout
-- Writes: nothing.
-- @include time, acl
local META = KEYS[1]
local _, _, min_time = cmsgpack.unpack(ARGV[1])
local refused = refused_command()
if refused then return { 'denied', clock, refused } end
local found = redis.call('HMGET', META, 'rules', 'static', 'complete', 'live', 'present')
if not (found[1] and found[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', clock }
end
local layout, incarnation, _, _, _, _, _, _, revision, everywhere = cmsgpack.unpack(found[2])
if layout ~= @LAYOUT@ then return { 'incompatible', clock, layout } end
local live = found[4] and { cmsgpack.unpack(found[4]) } or { 0, 0, 0, 0, [10] = 0, [15] = 0 }
local now = time_since(live[1], live[15], min_time)
return { 'described', now, now - clock, incarnation, found[1], found[3] and 1 or 0, found[5] or found[1], revision, everywhere,
  live[3], live[4], live[10] }
