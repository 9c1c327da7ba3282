-- Units from one count of a SKU to another; nil for from or to the sale's outside.
local function move(sku, from, to, quantity)
  local row = counts(sku)
  if from then row[from] = row[from] - quantity end
  if to then row[to] = row[to] + quantity end
  changed_stock[sku] = true
end

-- A call begins nothing more once it has moved so many lines of carts, or counted them in the archive: what is left is asked again. One cart may
-- have 1,000.
local LINES_AT_ONCE = 512 -- tuning
local READS_A_MOVE = 8 -- tuning: lines of what a buyer has that are read in the time in which one is moved
local lines_moved = 0
local lines_read = 0 -- as so many moved

-- Moves every line of a cart; `lines` is sku, quantity, sku, quantity, ...
local function move_cart(lines, from, to)
  if to == AVAILABLE then returns = returns + 1 end
  if #lines > 2 then load_lines(lines) end
  lines_moved = lines_moved + #lines / 2
  for i = 1, #lines, 2 do move(lines[i], from, to, lines[i + 1]) end
end
