-- Whether a buyer may have the units of a cart: by the limits, and by what is available.
-- @include partition, stored_values, stock_moves, records, event_log, record_changes, expiry

-- Units of every SKU that the buyer has held or confirmed by the records in the bucket.
local function taken_in(bucket, buyer)
  local taken = {}
  for _, record in ipairs(records(bucket)) do
    expire_if_due(record, bucket, false)
    if record[BUYER] == buyer and is_active(record[STATE]) then
      local lines = lines_of(record[ITEMS])
      lines_read = lines_read + #lines / 2 / READS_A_MOVE
      for i = 1, #lines, 2 do
        taken[lines[i]] = (taken[lines[i]] or 0) + lines[i + 1]
      end
    end
  end
  return taken
end

local highest

-- The limit of a SKU, -1 for none. A recovery may restore what was right under an earlier limit.
local function limit_of(sku)
  local limit = counts(sku)[LIMIT]
  if bypass_freeze == 0 or revision == 0 then return limit end
  if not highest then
    local packed = redis.call('HGET', META, 'highest')
    highest = decode_units(packed ~= '' and packed)
  end
  return highest[sku] or limit
end

-- The first SKU of a cart that would exceed the buyer's limit, with the limit, the buyer's units,
-- how many of them are in the archive, and the buyer's units in the bucket. A buyer of nil has no
-- units. `own`: the units by SKU of the cart in whose place this one comes. They count no more, and
-- a SKU that does not grow is over no limit.
local function over_limit(lines, bucket, buyer, own, taken)
  for i = 1, #lines, 2 do
    local sku = lines[i]
    local limit, before = limit_of(sku), own and own[sku] or 0
    if limit >= 0 and lines[i + 1] > before then
      taken = taken or buyer and taken_in(bucket, buyer)
      local archived_units = taken and taken_row(bucket, buyer, sku)[sku] or 0
      local has = (taken and taken[sku] or 0) + archived_units - before
      if has + lines[i + 1] > limit then return sku, limit, has, archived_units, taken end
    end
  end
end

-- The same after sweeping every expired hold in the archive that may count there; 'retry' if the
-- budget did not suffice for that.
local function limit_exceeded(lines, bucket, buyer, own)
  local sku, limit, has, archived_units, taken = over_limit(lines, bucket, buyer, own)
  -- In the bucket all holds that are due have expired by now, so the sweep changes nothing there.
  while sku and archived_units > 0 and sweep_some() do
    sku, limit, has, archived_units = over_limit(lines, bucket, buyer, own, taken)
  end
  if sku and archived_units > 0 and more_expired then return 'retry' end
  return sku, limit, has
end

-- The nonces of the reservations that have the buyer's units of a SKU, the latest first, joined.
-- See NAMED in src/engine/carts.ts.
--   has: the units; except: the nonce of a reservation that does not count, or nil
local NAMED, LOOKED_AT = 10, 64
local function in_the_way(bucket, buyer, sku, has, except)
  local nonces, looked = {}, 0
  local record, at, nonce = next_of_buyer(bucket, buyer, #records(bucket) + 1)
  while record and has > 0 and looked < LOOKED_AT and #nonces < NAMED do
    looked = looked + 1
    if is_active(record[STATE]) and record[NONCE] ~= except then
      local lines, before = lines_of(record[ITEMS]), has
      lines_read = lines_read + #lines / 2 / READS_A_MOVE
      for i = 1, #lines, 2 do
        if lines[i] == sku then has = has - lines[i + 1] end
      end
      if has < before then nonces[#nonces + 1] = record[NONCE] end
    end
    record, at, nonce = next_of_buyer(bucket, buyer, at, nonce)
  end
  return table.concat(nonces)
end

-- The first SKU of a cart that lacks units, after sweeping for it; 'retry' if the budget did not
-- suffice for that.
local function lacking(lines)
  for i = 1, #lines, 2 do
    local enough = available_units(lines[i], lines[i + 1])
    if enough == nil then return 'retry' end
    if not enough then return lines[i] end
  end
end

local function emit_sold_out(lines)
  for i = 1, #lines, 2 do
    if counts(lines[i])[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, lines[i]) end
  end
end
