-- What a handle must know before its first request.
-- Columns: token, deadline, floor
-- Reply: described, clock, token, rules, complete 0 or 1; or missing | lost | denied, clock
-- Writes: nothing.
local META = KEYS[1]
local refused = refused_command()
if refused then return { 'denied', clock, refused } end
local found = redis.call('HMGET', META, 'rules', 'static', 'complete')
if not (found[1] and found[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', clock }
end
return { 'described', clock, (cmsgpack.unpack(found[2])), found[1], found[3] and 1 or 0 }
