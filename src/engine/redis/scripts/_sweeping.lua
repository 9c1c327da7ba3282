-- An index entry names the event entry whose holds lapse then, so no bucket is kept twice: `<first sequence>/<expiry>`.
-- Adds the buckets of those that are due.
local function add_due(member, buckets)
  local id = member:match('^%d+') .. '-0'
  local entry = redis.call('XRANGE', EVENTS, id, id)[1]
  if not entry then
    history_lost = true
    return
  end
  each_group(entry[2][2], function(kind, argument, subject, at)
    local expiry = kind == RESERVED and at + argument or kind == EXTENDED and argument
    if expiry and now >= expiry then
      for j = 1, #subject / 2, 6 do buckets[#buckets + 1] = subject:sub(j, j + 5) end
    end
  end)
end

local MEMBERS_AT_ONCE = 4 -- tuning

-- Sweeps the next few index entries that are due. False when there is nothing more to sweep, or the budget is spent.
local function sweep_some()
  if not more_lapsed or budget <= 0 then return false end
  local members = redis.call('ZRANGE', EXPIRY, '-inf', string.format('%.0f', now), 'BYSCORE', 'LIMIT', #swept, MEMBERS_AT_ONCE)
  if #members == 0 then
    more_lapsed = false
    return false
  end
  local buckets = {}
  for _, member in ipairs(members) do
    swept[#swept + 1] = member
    add_due(member, buckets)
  end
  budget = budget - #buckets
  load_buckets(buckets)
  for _, bucket in ipairs(buckets) do lapse_bucket(bucket) end
  return true
end

-- Sweeps until a SKU has so many units. Then: true, false (there are no more), or nil (not known within the budget).
local function available_units(sku, quantity)
  while counts(sku)[AVAILABLE] < quantity do
    if not sweep_some() then
      if more_lapsed then return nil end
      return false
    end
  end
  return true
end
