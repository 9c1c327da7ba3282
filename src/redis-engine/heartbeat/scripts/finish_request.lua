-- Notes that what requests have interrupted goes on.
-- Items: ids. Letters: F finished   U unknown   T retry
-- Writes: REQUESTS.
-- @include heartbeat, requests, time
local refused = refused_of({ { 'HGET', REQUESTS, 'f' }, { 'HSET', REQUESTS, 'f', 'v' } })
if refused then return { 'denied', clock, refused } end

local function finish(id)
  local request = request_of(id)
  if not request then return 'U' end
  if request[8] > 0 then return 'F' end
  if late then return 'T' end
  request[8] = clock
  save_request(id, request)
  return 'F'
end

local letters = {}
for i, id in ipairs(items) do letters[i] = finish(id) end
return { 'opened', clock, 0, table.concat(letters) }
