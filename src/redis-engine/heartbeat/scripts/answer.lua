-- Notes answers of processes to requests.
-- Items: { id, process, done 0 or 1, counts 0 or 1, text, max_answer, max_answers, claim_ms }
-- Letters: A answered   R resume   U unknown   F full   L too_large   T retry
-- Writes: REQUESTS, ANSWERS.
-- @include heartbeat, requests, time
local refused = refused_of({
  { 'HGET', REQUESTS, 'f' }, { 'HSET', REQUESTS, 'f', 'v' }, { 'HSET', ANSWERS, 'f', 'v' },
})
if refused then return { 'denied', clock, refused } end

-- How many answers there are, and how many of them count.
local function numbers(answered)
  local all, counted = 0, 0
  for _, done in pairs(answered) do
    all = all + 1
    if done == COUNTED then counted = counted + 1 end
  end
  return all, counted
end

local function answer(id, process, done, counts, text, max_answer, max_answers, claim_ms)
  if #text > max_answer then return 'L' end
  local request = request_of(id)
  if not request then return 'U' end
  if late then return 'T' end
  local answered = request[11]
  local earlier = answered[process]
  if not earlier and numbers(answered) >= max_answers then return 'F' end
  if done == 0 and (earlier or 0) > 0 then return 'A' end
  answered[process] = done == 0 and 0 or (counts == 1 and COUNTED or DONE)
  redis.call('HSET', ANSWERS, id .. '/' .. process, cmsgpack.pack(clock, counts, text))
  local _, counted = numbers(answered)
  if request[7] == 0 and clock <= request[4] and counted >= request[5] then request[7] = clock end
  local resumes = may_resume(request) and not is_claimed(request)
  if resumes then claim_for(request, process, claim_ms) end
  save_request(id, request)
  return resumes and 'R' or 'A'
end

local letters = {}
for i, item in ipairs(items) do letters[i] = answer(unpack(item)) end
return { 'opened', clock, 0, table.concat(letters) }
