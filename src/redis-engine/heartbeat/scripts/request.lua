-- Makes requests to all processes.
-- Items: { id, subject, body, wait_for, timeout_ms, resumes 0 or 1, max_body, max_requests,
--   kept_ms }
-- Parts: of each item a letter and, with J and X, the request that is there
-- Letters: M made   J joined   X conflict   F full   L too_large   T retry
-- Writes: REQUESTS, ANSWERS.
-- @include heartbeat, requests, time
local refused = refused_of({
  { 'HGET', REQUESTS, 'f' }, { 'HGETALL', REQUESTS }, { 'HSET', REQUESTS, 'f', 'v' }, { 'HDEL', REQUESTS, 'f' },
  { 'HDEL', ANSWERS, 'f' }, { 'HGET', ANSWERS, 'f' }, { 'HLEN', REQUESTS },
})
if refused then return { 'denied', clock, refused } end

local function is_over(request)
  if request[8] > 0 then return true end
  if request[7] == 0 then return clock > request[4] end
  return request[6] == 0
end

local function make(id, subject, body, wait_for, timeout_ms, resumes, max_body, max_requests, kept_ms)
  if #subject + #body > max_body then return 'L' end
  if redis.call('HGET', REQUESTS, id) then return 'M' end
  local all = all_requests()
  for _, one in ipairs(all) do
    local request = one[2]
    if request[1] == subject and not is_over(request) then
      return request[2] == body and 'J' or 'X', described(one[1], request)
    end
  end
  if late then return 'T' end
  for _, one in ipairs(all) do
    if one[2][1] == subject or one[2][3] <= clock - kept_ms then forget_request(one[1], one[2]) end
  end
  if redis.call('HLEN', REQUESTS) >= max_requests then return 'F' end
  save_request(id, { subject, body, clock, clock + timeout_ms, wait_for, resumes, 0, 0, '', 0, {} })
  return 'M'
end

local parts = { 'opened', clock, 0 }
for _, item in ipairs(items) do
  local letter, found = make(unpack(item))
  parts[#parts + 1] = letter
  parts[#parts + 1] = found or ''
end
return parts
