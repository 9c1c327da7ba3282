-- What a handle must know before its first request.
-- Columns: token, deadline, floor
-- Reply: described, clock, token, rules, commitment; or missing | lost | denied, clock
-- Writes: nothing.
local META = KEYS[1]
local refused = refused_command()
if refused then return { 'denied', clock, refused } end
local found = redis.call('HMGET', META, 'rules', 'static')
if not (found[1] and found[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', clock }
end
local known = { cmsgpack.unpack(found[2]) }
return { 'described', clock, known[1], found[1], known[9] }
