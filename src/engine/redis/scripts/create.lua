-- Makes the partition of a new sale, once.
-- Columns: token, deadline, floor, sales
--   sales: of each item { token, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits }
--   rules: canonical JSON; opensAt, closesAt: epoch ms, -1 for none; units, limits: by SKU index, -1 without a limit
-- Statuses, each with the token of the sale there is: C created   X exists   N conflict   T retry (its own token)
-- Reply: opened | lost | denied, now, statuses, tokens
-- Writes: META, STOCK. `lost` where parts of a sale are left without its META.
local META, STOCK = KEYS[1], KEYS[2]
local _, deadline, floor, sales = cmsgpack.unpack(ARGV[1])

local time = @TIME@
local now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), floor)

if not may_write() then return { 'denied', now } end
local found = redis.call('HMGET', META, 'rules', 'static')
local known_rules = found[1]
local known_token = found[2] and cmsgpack.unpack(found[2])
if not (known_rules and known_token) and redis.call('EXISTS', unpack(KEYS)) > 0 then return { 'lost', now } end

local function create(token, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits)
  if known_rules then return known_rules == rules and 'X' or 'N', known_token end
  if now > deadline then return 'T', token end
  for i = 1, #units do
    redis.call('HSET', STOCK, i - 1, cmsgpack.pack(units[i], 0, 0, units[i], 0, limits[i]))
  end
  redis.call('HSET', META,
    'rules', rules,
    'static', cmsgpack.pack(token, now, opensAt, closesAt, holdMs, maxHoldMs, #units),
    'live', cmsgpack.pack(now, 0, 0, 0, 0, 0, 0, 0, 1, 0, ''))
  known_rules, known_token = rules, token
  return 'C', token
end

local statuses, tokens = {}, {}
for i, sale in ipairs(sales) do statuses[i], tokens[i] = create(unpack(sale)) end
return { 'opened', now, table.concat(statuses), tokens }
