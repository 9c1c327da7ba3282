-- Units that move between partitions. TRANSFERS has all units that were ever sent to each partition
-- and received from it, in rows of a block of SKUs: so a transfer reads and writes only the SKUs it
-- names, however many SKUs were ever moved in that direction. The units of reservations are apart,
-- see CARRIED in src/engine/transfer-commands.ts. The field `d` has the ids of the reservations
-- that have departed and are not settled, one after another; there is a field `r0/o` once there is
-- a record that was made by a transfer: versions that do not know it read a row without units.
-- @include partition, stored_values, stock_moves, event_log

local changed = {} -- by field

-- The row with a SKU. `way` is `s` or `r` and the other partition; the field is that and the block,
-- such as `s3/0`.
local function row_of(way, sku)
  local field = string.format('%s/%d', way, block_of(sku))
  rows[field] = rows[field] or decode_units(redis.call('HGET', TRANSFERS, field))
  return rows[field], field
end

local function transferred(way, sku)
  return row_of(way, sku)[sku] or 0
end

local function count_transfer(way, sku, units)
  local row, field = row_of(way, sku)
  row[sku] = (row[sku] or 0) + units
  changed[field] = true
end

-- Sends units to another partition; `taken` of them were available.
local function send_out(sku, units, taken, to)
  move(sku, AVAILABLE, IN_TRANSIT, units)
  count_transfer('s' .. to, sku, units)
  emit(SENT, units, sku * 2048 + to)
  if taken > 0 and counts(sku)[AVAILABLE] == 0 then emit(SOLD_OUT, NONE, sku) end
end

-- Takes in units that another partition has sent. Partition 0 has units to send only when it owes
-- none: then a claim is out of date.
local function take_in(sku, units, from)
  local row = counts(sku)
  if from == 0 and row[OWED] < 0 then row[OWED] = 0 end
  count_transfer('r' .. from, sku, units)
  emit(RECEIVED, units, sku * 2048 + from)
  move_cart({ sku, units }, IN_TRANSIT, AVAILABLE)
end

-- All units ever moved in that direction of the SKUs in these lists of sku, units, ..., packed.
local function pack_transferred(way, ...)
  local units = {}
  for _, list in ipairs({ ... }) do
    for i = 1, #list, 2 do
      local all = transferred(way, list[i])
      if all > 0 then units[list[i]] = all end
    end
  end
  return encode_units(units)
end

-- Passes the rows to the commit, once each has its final value.
local function change_rows()
  for field in pairs(changed) do changed_rows[field] = encode_units(rows[field]) end
end
