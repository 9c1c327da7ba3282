-- Requests to all processes, with their answers.
-- @include time
local REQUESTS, ANSWERS = KEYS[3], KEYS[4]
--   REQUESTS  hash  id -> subject, body, created, deadline, wait_for, resumes (0 or 1), completed,
--                   finished (epoch ms, 0: not yet), claimer, claimed_until, answered
--                   answered: process -> 0 not done, 1 done, 2 done and it counts
--   ANSWERS   hash  id/process -> at, counts (0 or 1), text
local DONE, COUNTED = 1, 2

local function is_claimed(request)
  return request[10] > clock
end

-- Complete, and not yet resumed.
local function may_resume(request)
  return request[6] == 1 and request[7] > 0 and request[8] == 0
end

local function request_of(id)
  local packed = redis.call('HGET', REQUESTS, id)
  return packed and { cmsgpack.unpack(packed) }
end

local function all_requests()
  local found = redis.call('HGETALL', REQUESTS)
  local list = {}
  for i = 1, #found, 2 do list[#list + 1] = { found[i], { cmsgpack.unpack(found[i + 1]) } } end
  return list
end

local function save_request(id, request)
  redis.call('HSET', REQUESTS, id, cmsgpack.pack(unpack(request)))
end

local function forget_request(id, request)
  for process in pairs(request[11]) do redis.call('HDEL', ANSWERS, id .. '/' .. process) end
  redis.call('HDEL', REQUESTS, id)
end

local function claim_for(request, process, claim_ms)
  request[9] = process
  request[10] = clock + claim_ms
end

-- A request as it is answered: its id and times, and its answers in a list of fours.
local function described(id, request)
  local answers = {}
  for process, done in pairs(request[11]) do
    local at, counts, text = cmsgpack.unpack(redis.call('HGET', ANSWERS, id .. '/' .. process))
    for _, part in ipairs({ process, done > 0 and 1 or 0, counts, at, text }) do answers[#answers + 1] = part end
  end
  return { id, request[1], request[2], request[3], request[4], request[5], request[6], request[7], request[8], answers }
end
