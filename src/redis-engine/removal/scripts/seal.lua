-- Seals the partition of a sale that has ended.
-- Items: { incarnation, attempt, force 0 or 1, dry 0 or 1 }
-- Letters: S sealed   N not_ended   U in_use   O superseded   F frozen   M gone   T retry
-- Writes: META.
-- @include sale_state
local STOCK, TRANSFERS, GROUPS = KEYS[2], KEYS[8], KEYS[#KEYS - 2]
local refused = refused_of({ { 'HSET', META, 'f', 'v' }, { 'HDEL', META, 'f' } })
if refused then return { 'denied', clock, refused } end

local function holds_units()
  -- Reservations on their way, see sale/concerns/transfer_steps.lua.
  if (redis.call('HGET', TRANSFERS, 'd') or '') ~= '' then return true end
  for _, row in ipairs(redis.call('HVALS', STOCK)) do
    local _, _, held = cmsgpack.unpack_limit(row, 2, 0)
    if held > 0 then return true end
  end
  return false
end

-- The groups of a sale that was rebuilt since are of no use, see groups/concerns.
local function is_behind()
  local groups = redis.call('HGETALL', GROUPS)
  local behind, is_present = false, false
  for i = 1, #groups, 2 do
    local group = { cmsgpack.unpack(groups[i + 1]) }
    if groups[i] == 'head' then is_present = group[2] == known and group[3] == static[3]
    elseif group[2] < live[2] or group[6] > 0 then behind = true end
  end
  return behind and is_present
end

local function seal(incarnation, wanted, force, dry)
  if incarnation ~= known then return 'M' end
  if dry == 0 and wanted <= attempt then return is_sealed and wanted == attempt and 'S' or 'O' end
  if live[10] == 1 then return 'F' end
  if sale_state() ~= 'E' then return 'N' end
  if force == 0 and (holds_units() or is_behind()) then return 'U' end
  if dry == 1 then return 'S' end
  if late then return 'T' end
  -- In this order: of a script that ends between them, the partition is not sealed.
  redis.call('HSET', META, 'attempt', wanted, 'sealed', packed)
  redis.call('HDEL', META, 'static')
  is_sealed, attempt = true, wanted
  return 'S'
end

local letters = {}
for i, item in ipairs(items) do letters[i] = seal(unpack(item)) end
return { 'opened', now, now - clock, table.concat(letters) }
