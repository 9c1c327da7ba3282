-- Makes the partition of a new sale, once.
-- Columns: token, deadline, floor, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits
--   rules: canonical JSON; opensAt, closesAt: epoch ms, -1 for none; units, limits: by SKU index, -1 without a limit
-- Replies: created | exists | conflict | retry, now, token of the sale there is
-- Writes: META, STOCK. `lost` where parts of a sale are left without its META.
local META, STOCK = KEYS[1], KEYS[2]
local token, deadline, floor, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits = cmsgpack.unpack(ARGV[1])

local time = @TIME@
local now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), floor)

local found = redis.call('HMGET', META, 'rules', 'static')
if found[1] and found[2] then
  return { found[1] == rules and 'exists' or 'conflict', now, (cmsgpack.unpack(found[2])) }
end
if redis.call('EXISTS', unpack(KEYS)) > 0 then return { 'lost', now } end
if now > deadline then return { 'retry', now } end

for i = 1, #units do
  redis.call('HSET', STOCK, i - 1, cmsgpack.pack(units[i], 0, 0, units[i], 0, limits[i]))
end
redis.call('HSET', META,
  'rules', rules,
  'static', cmsgpack.pack(token, now, opensAt, closesAt, holdMs, maxHoldMs, #units),
  'live', cmsgpack.pack(now, 0, 0, 0, 0, 0))
return { 'created', now, token }
