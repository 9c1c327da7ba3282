-- Sends units to other partitions.
-- Columns: incarnation, deadline, min_time, sends
--   sends: of each item { to, wants, received }; both units as sku, units, sku, units, ...
-- Statuses: G sent: all units of those SKUs ever sent there, units left here of those wanted,
--   both packed   T retry
-- Reply rolled_back: the other has received more than was ever sent.
-- Writes: META, STOCK, BUCKETS, EXPIRY, EVENTS, ARCHIVE, TRANSFERS.
-- @include time, partition, may_write, types, rollback_detection, stored_values, stock_moves
-- @include expiry, stock_transfers, commit
local sends = call[4]
local statuses, details = {}, {}

-- The units that the other partition has received beyond the units this one knows it sent, by SKU
-- in order: sku, units, ...
local function forgotten(way, received)
  local units = {}
  for i = 1, #received, 2 do
    local missing = received[i + 1] - transferred(way, received[i])
    if missing > 0 then
      units[#units + 1] = received[i]
      units[#units + 1] = missing
    end
  end
  return units
end

if bypass_freeze == 0 then
  for _, send in ipairs(sends) do
    if #forgotten('s' .. send[1], send[3]) > 0 then
      freeze()
      return { 'rolled_back', clock }
    end
  end
end

-- @rarely sweep_all
if is_due() then rare()() end

local function amount(sku, wanted)
  local available = counts(sku)[AVAILABLE]
  return math.min(available, math.max(wanted, math.floor(available / 2)))
end

-- Returns false if that would change something and the call is too late, or names a SKU that is
-- new.
local function send_units(to, wants, received)
  if not (has_skus(wants) and has_skus(received)) then return false end
  local way = 's' .. to
  local catch_up = forgotten(way, received)
  load_lines(wants)
  local moves = #catch_up > 0
  for i = 1, #wants, 2 do moves = moves or amount(wants[i], wants[i + 1]) > 0 end
  if moves and late then return false end
  for i = 1, #catch_up, 2 do
    local sku, units = catch_up[i], catch_up[i + 1]
    local short = math.max(0, units - counts(sku)[AVAILABLE])
    move(sku, nil, AVAILABLE, short)
    move(sku, nil, TOTAL, short)
    send_out(sku, units, units - short, to)
  end
  for i = 1, #wants, 2 do
    local units = amount(wants[i], wants[i + 1])
    if units > 0 then send_out(wants[i], units, units, to) end
  end
  local left = {}
  for i = 1, #wants, 2 do left[wants[i]] = counts(wants[i])[AVAILABLE] end
  details[#details + 1] = pack_transferred(way, wants, received)
  details[#details + 1] = encode_units(left)
  return true
end

for i, send in ipairs(sends) do
  statuses[i] = not more_expired and send_units(unpack(send)) and 'G' or 'T'
end
change_rows()
return finish(table.concat(statuses), details)
