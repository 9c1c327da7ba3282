-- Ends requests: what they have interrupted goes on, or what was done for them is lost.
-- Items: { id, resumed 0 or 1 }
-- Letters: F finished   G forgotten   U unknown   T retry
-- Writes: REQUESTS, ANSWERS.
-- @include heartbeat, requests, time
local refused = refused_of({
  { 'HGET', REQUESTS, 'f' }, { 'HSET', REQUESTS, 'f', 'v' }, { 'HDEL', REQUESTS, 'f' }, { 'HDEL', ANSWERS, 'f' },
})
if refused then return { 'denied', clock, refused } end

local function finish(id, resumed)
  local request = request_of(id)
  if not request then return 'U' end
  if request[8] > 0 then return 'F' end
  if late then return 'T' end
  if resumed == 0 then
    forget_request(id, request)
    return 'G'
  end
  request[8] = clock
  save_request(id, request)
  return 'F'
end

local letters = {}
for i, item in ipairs(items) do letters[i] = finish(unpack(item)) end
return { 'opened', clock, 0, table.concat(letters) }
