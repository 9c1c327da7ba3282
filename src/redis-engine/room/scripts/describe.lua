-- The values that a handle needs before its first request.
-- Columns: incarnation, deadline, min_time
-- Reply: described, now, how far that is ahead of the clock, incarnation, rules, commitment; or
--   missing | lost | denied, clock; or incompatible, clock, layout
-- Writes: nothing.
-- @include time, acl
local META = KEYS[1]
local _, _, min_time = cmsgpack.unpack(ARGV[1])
local refused = refused_command()
if refused then return { 'denied', clock, refused } end
local found = redis.call('HMGET', META, 'rules', 'static', 'live')
if not (found[1] and found[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', clock }
end
local known = { cmsgpack.unpack(found[2]) }
if known[1] ~= @LAYOUT@ then return { 'incompatible', clock, known[1] } end
local written_at, ahead = 0, 0
if found[3] then written_at, ahead = cmsgpack.unpack(found[3]) end
local now = time_since(written_at, ahead, min_time)
return { 'described', now, now - clock, known[2], found[1], known[11] }
