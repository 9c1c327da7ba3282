-- Refunds with a key, mostly of a part of an order. Each is a field of the archive, so that a
-- refund costs the same however many came before it.
-- @include lists, partition, may_write, stored_values, stock_moves, records, record_changes
-- @include commit

local function refund_field(record, bucket, key)
  return 'q' .. bucket .. record[NONCE] .. key
end

-- Units by SKU of some lines.
local function units_in(lines)
  local units = {}
  for i = 1, #lines, 2 do units[lines[i]] = lines[i + 1] end
  return units
end

local function add_units(units, lines)
  for i = 1, #lines, 2 do units[lines[i]] = (units[lines[i]] or 0) + lines[i + 1] end
end

-- Takes what `units` have of these lines out of them, and returns it and the rest of the lines.
local function split(lines, units)
  local taken, rest = {}, {}
  for i = 1, #lines, 2 do
    local sku = lines[i]
    local some = math.min(lines[i + 1], units[sku] or 0)
    if some > 0 then
      taken[#taken + 1], taken[#taken + 2] = sku, some
      units[sku] = units[sku] - some
    end
    if some < lines[i + 1] then rest[#rest + 1], rest[#rest + 2] = sku, lines[i + 1] - some end
  end
  return taken, rest
end

-- Units of the order that were refunded under keys that were lost: see `refund` in
-- src/engine/reservation-commands.ts. `parts`: those under remembered keys.
local function refunded_under_lost_keys(record, parts)
  local ordered = ordered_of(record)
  if ordered == '' then return {} end
  local units = units_in(lines_of(ordered:sub(cmsgpack.unpack_one(ordered) + 1)))
  for _, lines in ipairs({ lines_of(record[ITEMS]), lines_of(encode_units(parts)) }) do split(lines, units) end
  return units
end

-- Takes units of a confirmed order back. `restock` and `part` as in refund.lua.
local function take_back(record, bucket, in_archive, taken, rest, restock, part, key)
  local to = restock == 1 and AVAILABLE or nil
  local subject = cmsgpack.pack(bucket .. record[NONCE], key, part == '' and '' or pack_all(taken))
  if #rest == 0 then
    local argument = restock + (part == '' and 0 or IS_LAST)
    change(record, bucket, in_archive, IS_REFUNDED, REFUNDED_BY_KEY, argument, CONFIRMED, to, subject)
  else
    local times, ordered = times_changed(record), ordered_of(record)
    if ordered == '' then ordered = cmsgpack.pack(times) .. record[ITEMS] end
    change_cart(record, bucket, in_archive, pack_all(rest), times + 1, ordered, REFUNDED_BY_KEY, restock, subject)
    if restock == 1 then returns = returns + 1 end
    move_cart(taken, CONFIRMED, to)
  end
  if restock == 0 then move_cart(taken, TOTAL, nil) end
end

-- Answers a refund with a key; refund.lua lists the statuses.
local function refund_by_key(record, bucket, in_archive, restock, part, key)
  local field, value = refund_field(record, bucket, key), cmsgpack.pack(restock, part)
  local known = from_archive(field)
  if known then return known == value and 'P' or 'C' end
  local state = record[STATE]
  local is_over = state == IS_REFUNDED
  if not (is_over or state == IS_CONFIRMED or state == IS_CONFIRMED_LATE) then return 'A' end
  local lines = is_over and {} or lines_of(record[ITEMS])
  local asked = part == '' and lines or lines_of(part)
  lines_read = lines_read + (#lines + #asked) / READS_A_MOVE
  if bypass_freeze == 0 then
    local _, more = split(asked, units_in(lines))
    if #more > 0 then return 'X' end
    if is_over then return 'P' end
  end
  if late then return 'T' end

  -- The units of all parts under remembered keys: a field without a key.
  local parts_field = refund_field(record, bucket, '')
  local parts = decode_units(from_archive(parts_field))
  if bypass_freeze == 1 and part ~= '' then
    local before
    before, asked = split(asked, refunded_under_lost_keys(record, parts))
    add_units(parts, before)
  end
  local wanted = units_in(asked)
  local taken, rest = split(lines, wanted)
  add_units(parts, taken)
  save_records = save_changes
  archived, live_changed = archived + 1, true
  archive_changes[field], archive_changes[parts_field] = value, encode_units(parts)
  if #taken == 0 then return 'P' end
  take_back(record, bucket, in_archive, taken, rest, restock, part, key)
  return 'R'
end
