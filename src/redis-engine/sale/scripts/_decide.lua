-- Decides a request with everything that may stand in its way. Few need that: the others are reserved in reserve.lua itself.
local function detail(value)
  details[#details + 1] = value
end

local function find_key(bucket, buyer, key)
  for _, record in ipairs(records(bucket)) do
    if record[KEY] == key and record[BUYER] == buyer then return (find_now(bucket, record[NONCE])) end
  end
  local nonce = from_archive(key_field(bucket, buyer, key))
  if nonce then return (find_now(bucket, nonce)) end
end

-- The answer for a request that was decided before, if it was; else the buyer.
local function decided_before(bucket, fragment)
  local nonce, buyer, key, items = cmsgpack.unpack(fragment)
  local record = find_now(bucket, nonce)
  if record then
    detail(encode(record))
    return 'Q'
  end
  record = key ~= '' and find_key(bucket, buyer, key)
  if not record then return nil, buyer end
  if record[ITEMS] ~= items then return 'C' end
  detail(encode(record))
  return is_active(record[STATE]) and 'P' or 'K'
end

local function take(i, plan, buyer)
  local lines, bucket = plan.lines, buckets[i]
  local sku, limit, taken = limit_exceeded(lines, bucket, buyer)
  if sku == 'retry' then return 'T' end
  if sku then
    detail(sku)
    detail(limit)
    detail(taken)
    return 'L'
  end
  sku = lacking(lines)
  if sku == 'retry' then return 'T' end
  if sku then
    detail(sku)
    detail(counts(sku)[AVAILABLE])
    detail(counts(sku)[HELD] > 0 and 1 or 0)
    return 'S'
  end
  move_cart(lines, AVAILABLE, HELD)
  append(bucket, plan.prefix .. fragments[i])
  reserved(i, plan.hold)
  emit_sold_out(lines)
  return 'R'
end

-- What buyers have may have more lines than what they ask for, which fills a batch: it is moved to the archive, lapses, counts for a limit. The
-- lines that were swept before the first request make none wait.
local lines_before

local function decide(i, plan)
  lines_before = lines_before or lines_moved
  if lines_moved + lines_read - lines_before >= 2 * LINES_AT_ONCE then return 'T' end
  local bucket, status, buyer = buckets[i], nil, nil
  if raw[bucket] or lists[bucket] then
    status, buyer = decided_before(bucket, fragments[i])
  end
  status = status or late and 'T' or refusal or take(i, plan, buyer)
  if status == 'N' then detail(opensAt) end
  return status
end
