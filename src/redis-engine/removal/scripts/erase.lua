-- Removes all keys. Redis frees large ones in the background: UNLINK takes them out at once.
-- https://redis.io/docs/latest/commands/unlink/
-- Items: incarnations. Letters: E erased   M gone   T retry
-- Writes: all keys.
-- @include removal
local refused = refused_of({ { 'UNLINK', unpack(KEYS) } })
if refused then return { 'denied', clock, refused } end

local function erase(incarnation)
  if incarnation ~= known then return 'M' end
  if late then return 'T' end
  redis.call('UNLINK', unpack(KEYS))
  known = nil
  return 'E'
end

local letters = {}
for i, incarnation in ipairs(items) do letters[i] = erase(incarnation) end
return { 'opened', clock, 0, table.concat(letters) }
