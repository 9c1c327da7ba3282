-- Parts: all requests in one list
-- Writes: nothing.
-- @include requests, time
local found = {}
for _, one in ipairs(all_requests()) do found[#found + 1] = described(one[1], one[2]) end
return { 'opened', clock, 0, found }
