-- The units of a partition by SKU, and their moves between its counts.
-- @include lists, partition, stored_values, event_log

-- The counts of the SKUs this call touches: read once, changed in memory, written once by
-- save_stock.
local stock, changed_stock = {}, {}

local function load_stock(skus)
  local wanted = {}
  for _, sku in ipairs(skus) do
    if not stock[sku] then
      stock[sku] = true
      wanted[#wanted + 1] = sku
    end
  end
  for i, packed in ipairs(read_fields(STOCK, wanted)) do
    stock[wanted[i]] = { cmsgpack.unpack(packed) }
  end
end

-- The SKUs of a cart, whose lines are sku, quantity, sku, quantity, ...
local function load_lines(lines)
  local skus = {}
  for i = 1, #lines, 2 do skus[#skus + 1] = lines[i] end
  load_stock(skus)
end

-- Whether this partition has all SKUs of a list of sku, units, sku, units, ..., which is in order
-- of the SKUs: another may have been told of a new one before.
local function has_skus(list)
  return #list == 0 or list[#list - 1] < skuCount
end

local function counts(sku)
  local found = stock[sku]
  if not found then
    load_stock({ sku })
    found = stock[sku]
  end
  return found
end

local function save_stock()
  local out = {}
  for sku in pairs(changed_stock) do
    out[#out + 1] = sku
    out[#out + 1] = cmsgpack.pack(unpack(stock[sku]))
  end
  write_fields(STOCK, out)
end

-- Moves units from one count of a SKU to another; nil is the outside of the sale.
local function move(sku, from, to, quantity)
  local row = counts(sku)
  if from then row[from] = row[from] - quantity end
  if to then row[to] = row[to] + quantity end
  changed_stock[sku] = true
end

-- Once a call has moved LINES_AT_ONCE lines of carts, or counted them in the archive, it begins no
-- other item: the caller sends the rest again. One cart may have 1,000 lines.
local LINES_AT_ONCE = 512 -- tuning
local READS_A_MOVE = 8 -- tuning: lines of a buyer's records that are read in the time of one move
local lines_moved = 0
local lines_read = 0 -- counted in moves

-- Units by SKU, of a block of SKUs. A row of them is packed: sku, units, sku, units, ... in order
-- of the SKUs.
local SKUS_A_BLOCK = 64

local function block_of(sku)
  return math.floor(sku / SKUS_A_BLOCK)
end

local function decode_units(packed)
  local units, offset = {}, 0
  while packed and offset >= 0 do
    local sku, count
    offset, sku, count = cmsgpack.unpack_limit(packed, 2, offset)
    units[sku] = count
  end
  return units
end

local function encode_units(units)
  local skus = {}
  for sku in pairs(units) do skus[#skus + 1] = sku end
  table.sort(skus)
  for i, sku in ipairs(skus) do skus[i] = cmsgpack.pack(sku, units[sku]) end
  return table.concat(skus)
end

-- Rows of TRANSFERS by field, see stock_transfers.lua, and those that have changed, packed.
local rows, changed_rows = {}, {}

-- Moves every line of a cart; `lines` is sku, quantity, sku, quantity, ... What becomes available
-- while units are owed, or while this partition has a claim, leaves again, see `setTotal` and
-- `withhold` in src/engine/stock-commands.ts: so the event of the change comes before this. What
-- was held or confirmed then becomes units of the SKU that it returns to. It is one function, and
-- uses no other, because every script that changes a reservation makes it.
local function move_cart(lines, from, to)
  if #lines > 2 then load_lines(lines) end
  lines_moved = lines_moved + #lines / 2
  for i = 1, #lines, 2 do move(lines[i], from, to, lines[i + 1]) end
  local passed_on
  for i = 1, to == AVAILABLE and #lines or 0, 2 do
    local sku = lines[i]
    local row = counts(sku)
    local owed = row[OWED]
    local units = math.min(row[AVAILABLE], math.abs(owed))
    if units > 0 then
      if owed > 0 then
        row[OWED] = owed - units
        move(sku, AVAILABLE, nil, units)
        move(sku, TOTAL, nil, units)
        groups[#groups + 1] = { DEBT_TAKEN, units, sku }
      else
        local field = 's0/' .. block_of(sku)
        local sent = rows[field] or decode_units(redis.call('HGET', TRANSFERS, field))
        sent[sku] = (sent[sku] or 0) + units
        rows[field], changed_rows[field] = sent, encode_units(sent)
        row[OWED] = owed + units
        move(sku, AVAILABLE, IN_TRANSIT, units)
        groups[#groups + 1] = { SENT, units, sku * 2048 }
      end
      if row[AVAILABLE] == 0 then groups[#groups + 1] = { SOLD_OUT, NONE, sku } end
      emitted = emitted + (row[AVAILABLE] == 0 and 2 or 1)
    end
    local target, back = row[RETURNS_TO], lines[i + 1] - units
    if target >= 0 and back > 0 and (from == HELD or from == CONFIRMED) then
      move(sku, AVAILABLE, nil, back)
      move(sku, TOTAL, nil, back)
      move(target, nil, AVAILABLE, back)
      move(target, nil, TOTAL, back)
      groups[#groups + 1] = { REDIRECTED, back, sku * 16384 + target }
      emitted = emitted + 1
      passed_on = passed_on or {}
      passed_on[#passed_on + 1], passed_on[#passed_on + 2] = target, 0
    end
  end
  -- What is owed of these is taken from them.
  if passed_on then move_cart(passed_on, nil, AVAILABLE) end
end
