-- Claims the right to resume.
-- Items: { id, process, force 0 or 1, claim_ms }
-- Letters: C claimed   N taken   U unknown   T retry
-- Writes: REQUESTS.
-- @include heartbeat, requests, time
local refused = refused_of({ { 'HGET', REQUESTS, 'f' }, { 'HSET', REQUESTS, 'f', 'v' } })
if refused then return { 'denied', clock, refused } end

local function claim(id, process, force, claim_ms)
  local request = request_of(id)
  if not request then return 'U' end
  if request[8] > 0 or not (force == 1 or may_resume(request)) then return 'N' end
  if is_claimed(request) and request[9] ~= process then return 'N' end
  if late then return 'T' end
  claim_for(request, process, claim_ms)
  save_request(id, request)
  return 'C'
end

local letters = {}
for i, item in ipairs(items) do letters[i] = claim(unpack(item)) end
return { 'opened', clock, 0, table.concat(letters) }
