-- What a handle must know before its first request.
-- Columns: token, deadline, floor
-- Reply: described, now, token, rules, commitment; or missing | lost | denied, now
-- Writes: nothing.
local META = KEYS[1]
local time = @TIME@
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local refused = refused_command()
if refused then return { 'denied', now, refused } end
local found = redis.call('HMGET', META, 'rules', 'static')
if not (found[1] and found[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', now }
end
local known = { cmsgpack.unpack(found[2]) }
return { 'described', now, known[1], found[1], known[9] }
