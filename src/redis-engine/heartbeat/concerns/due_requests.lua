-- The requests that wait for a process.
-- @include requests

-- In threes of values: id, body, and 'answer' or 'resume' with the time of the request.
local function due_for(process)
  local due = {}
  for _, one in ipairs(all_requests()) do
    local id, request = one[1], one[2]
    local done = request[11][process]
    local what = nil
    if not done or done == 0 then
      what = 'answer'
    elseif may_resume(request) and not is_claimed(request) then
      what = 'resume'
    end
    if what then
      for _, part in ipairs({ id, request[2], request[3], what }) do due[#due + 1] = part end
    end
  end
  return due
end
