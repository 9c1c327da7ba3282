-- Whether a buyer may have the units of a cart: by the limits of the buyer and of the household,
-- and by what is available.
-- @include lists, partition, stored_values, stock_moves, records, event_log, record_changes, expiry

-- Units of every SKU that a buyer, or a household, has held or confirmed by the records in the
-- bucket. `whose`, here and below: BUYER or HOUSEHOLD.
local function taken_in(bucket, whose, name)
  local taken = {}
  for _, record in ipairs(records(bucket)) do
    expire_if_due(record, bucket, false)
    if record[whose] == name and is_active(record[STATE]) then
      local lines = lines_of(record[ITEMS])
      lines_read = lines_read + #lines / 2 / READS_A_MOVE
      for i = 1, #lines, 2 do
        taken[lines[i]] = (taken[lines[i]] or 0) + lines[i + 1]
      end
    end
  end
  return taken
end

-- The highest limits that were ever in force, by SKU, where that is another than the present one: a
-- recovery may restore what was right under an earlier limit.
local highest

-- The limits that several SKUs share, as the field of META has them; read when one is needed.
local shared_limits

-- Units by SKU as units by shared limit.
local function by_shared_limit(units)
  local sums, skus = {}, {}
  for sku in pairs(units) do skus[#skus + 1] = sku end
  load_stock(skus)
  for _, sku in ipairs(skus) do
    for _, index in ipairs(lines_of(counts(sku)[SHARED])) do sums[index] = (sums[index] or 0) + units[sku] end
  end
  return sums
end

-- The units in the archive that count for a limit over these SKUs, packed.
local function archived_share(bucket, whose, name, packed)
  if whose == BUYER and not from_archive(latest_field(bucket, name)) then return 0 end
  local members = cmsgpack.unpack(packed)
  local block, row, sum = nil, nil, 0
  lines_read = lines_read + #members / READS_A_MOVE
  for _, sku in ipairs(members) do
    if block_of(sku) ~= block then
      block = block_of(sku)
      row = taken_row(bucket, whose, name, sku)
    end
    sum = sum + (row[sku] or 0)
  end
  return sum
end

-- As over_limit, of the limits that several SKUs share.
local function over_shared_limit(lines, bucket, whose, name, own, taken)
  local wanted, first, indices = {}, {}, {}
  for i = 1, #lines, 2 do
    local sku, quantity = lines[i], lines[i + 1]
    for _, index in ipairs(lines_of(counts(sku)[SHARED])) do
      if not wanted[index] then indices[#indices + 1] = index end
      wanted[index] = (wanted[index] or 0) + quantity
      if quantity > (own and own[sku] or 0) then first[index] = first[index] or sku end
    end
  end
  table.sort(indices)
  shared_limits = shared_limits or cmsgpack.unpack(redis.call('HGET', META, 'shared'))
  local before, present = by_shared_limit(own or {}), by_shared_limit(taken or {})
  for _, index in ipairs(indices) do
    local shared = shared_limits[index + 1]
    local limit = shared[(whose == BUYER and 1 or 4) + bypass_freeze]
    local given = before[index] or 0
    if limit >= 0 and wanted[index] > given then
      local archived_units = taken and archived_share(bucket, whose, name, shared[3]) or 0
      local has = (present[index] or 0) + archived_units - given
      if has + wanted[index] > limit then return first[index], limit, has, archived_units, index end
    end
  end
end

-- The first SKU of a cart that would exceed a limit of the buyer or of the household `name`, with
-- the limit, their units, how many of them are in the archive, the index of the limit if several
-- SKUs share it, and their units in the bucket. `own`: the units by SKU of the cart in whose place
-- this one comes. They count no more, and a SKU that does not grow is over no limit.
local function over_limit(lines, bucket, whose, name, own, taken)
  local is_shared = false
  for i = 1, #lines, 2 do
    local sku = lines[i]
    local limit, before = counts(sku)[LIMIT], own and own[sku] or 0
    if whose == HOUSEHOLD then
      limit = lines_of(counts(sku)[OWN])[4 + bypass_freeze] or -1
    elseif bypass_freeze == 1 and revision > 0 then
      local packed = not highest and redis.call('HGET', META, 'highest')
      highest = highest or decode_units(packed ~= '' and packed)
      limit = highest[sku] or limit
    end
    is_shared = is_shared or counts(sku)[SHARED] ~= ''
    if limit >= 0 and lines[i + 1] > before then
      taken = taken or name and taken_in(bucket, whose, name)
      local archived_units = taken and taken_row(bucket, whose, name, sku)[sku] or 0
      local has = (taken and taken[sku] or 0) + archived_units - before
      if has + lines[i + 1] > limit then return sku, limit, has, archived_units, nil, taken end
    end
  end
  if not is_shared then return end
  taken = taken or name and taken_in(bucket, whose, name)
  local sku, limit, has, archived_units, index = over_shared_limit(lines, bucket, whose, name, own, taken)
  return sku, limit, has, archived_units, index, taken
end

-- The first SKU of a cart that would exceed a limit, after sweeping every expired hold in the
-- archive that may count there, with the limit, the units of the buyer or of the household, the
-- index of the limit if several SKUs share it, and the household if the limit is of households;
-- 'retry' if the budget did not suffice. A buyer of nil has no units, and '' is no household.
local function limit_exceeded(lines, bucket, buyer, household, own)
  for whose = BUYER, household == '' and BUYER or HOUSEHOLD, HOUSEHOLD - BUYER do
    local name = buyer
    if whose == HOUSEHOLD then name = household end
    local sku, limit, has, archived_units, index, taken = over_limit(lines, bucket, whose, name, own)
    -- In the bucket all holds that are due have expired by now, so the sweep changes nothing there.
    while sku and archived_units > 0 and sweep_some() do
      sku, limit, has, archived_units, index = over_limit(lines, bucket, whose, name, own, taken)
    end
    if sku and archived_units > 0 and more_expired then return 'retry' end
    if sku then return sku, limit, has, index, whose == HOUSEHOLD and household or '' end
  end
end

-- The details of a limit that a cart exceeds, as limit_exceeded has found it: with the nonces of
-- the buyer's reservations that have units of the SKU, or of those that share the limit, the latest
-- first, joined; see NAMED in src/engine/carts.ts. And with the SKUs that share the limit, of these
-- reservations and of the cart, packed in order.
--   except: the nonce of a reservation that does not count, or nil
local NAMED, LOOKED_AT = 10, 64
local function limit_details(bucket, buyer, cart, sku, limit, taken, index, household, except)
  local has = taken
  local nonces, looked, named, skus = {}, 0, {}, {}
  -- Names the SKUs of a cart that count, and returns their units.
  local function counted(lines)
    local units = 0
    if index then load_lines(lines) end
    for i = 1, #lines, 2 do
      local counts_here = lines[i] == sku
      for _, one in ipairs(index and lines_of(counts(lines[i])[SHARED]) or {}) do counts_here = counts_here or one == index end
      if counts_here then units, named[lines[i]] = units + lines[i + 1], true end
    end
    return units
  end
  counted(cart)
  local record, at, nonce = next_of_buyer(bucket, buyer, #records(bucket) + 1)
  while record and has > 0 and looked < LOOKED_AT and #nonces < NAMED do
    looked = looked + 1
    if is_active(record[STATE]) and record[NONCE] ~= except then
      local lines = lines_of(record[ITEMS])
      lines_read = lines_read + #lines / 2 / READS_A_MOVE
      local units = counted(lines)
      has = has - units
      if units > 0 then nonces[#nonces + 1] = record[NONCE] end
    end
    record, at, nonce = next_of_buyer(bucket, buyer, at, nonce)
  end
  for one in pairs(index and named or {}) do skus[#skus + 1] = one end
  table.sort(skus)
  return { sku, limit, taken, table.concat(nonces), pack_all(skus), household }
end

-- The first SKU of a cart that is outside its own times, and when it opens; nil if it has ended.
local function outside_times(lines)
  for i = 1, bypass_freeze == 0 and #lines or 0, 2 do
    local opens, closes = unpack(lines_of(counts(lines[i])[OWN]))
    if opens and closes >= 0 and now >= closes then return lines[i] end
    if opens and now < opens then return lines[i], opens end
  end
end

-- Whether every SKU of a cart is sold without a pass.
local function needs_no_pass(lines)
  for i = 1, #lines, 2 do
    if lines_of(counts(lines[i])[OWN])[3] ~= 1 then return false end
  end
  return true
end

-- The first SKU of a cart that lacks units, after sweeping for it, and 1 if units that buyers hold
-- may come back to it, else 0; 'retry' if the budget did not suffice for that.
local function lacking(lines)
  for i = 1, #lines, 2 do
    local enough = available_units(lines[i], lines[i + 1])
    if enough == nil then return 'retry' end
    local row = counts(lines[i])
    if not enough then return lines[i], row[RETURNS_TO] < 0 and row[HELD] > math.max(0, row[OWED]) and 1 or 0 end
  end
end

local function emit_sold_out(lines)
  for i = 1, #lines, 2 do
    if counts(lines[i])[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, lines[i]) end
  end
end
