-- Ends the seal of earlier attempts, none of which can seal the partition any more.
-- Items: { incarnation, attempt }. Letters: U unsealed   M gone   T retry
-- Writes: META.
-- @include removal
local refused = refused_of({ { 'HSET', META, 'f', 'v' }, { 'HDEL', META, 'f' } })
if refused then return { 'denied', clock, refused } end

local function unseal(incarnation, wanted)
  if incarnation ~= known then return 'M' end
  if wanted <= attempt then return 'U' end
  if late then return 'T' end
  redis.call('HSET', META, 'attempt', wanted, 'static', packed)
  redis.call('HDEL', META, 'sealed')
  is_sealed, attempt = false, wanted
  return 'U'
end

local letters = {}
for i, item in ipairs(items) do letters[i] = unseal(unpack(item)) end
return { 'opened', clock, 0, table.concat(letters) }
