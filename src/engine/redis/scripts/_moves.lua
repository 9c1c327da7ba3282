-- Units from one count of a SKU to another; nil for from or to the sale's outside.
local function move(sku, from, to, quantity)
  local row = counts(sku)
  if from then row[from] = row[from] - quantity end
  if to then row[to] = row[to] + quantity end
  changed_stock[sku] = true
end

-- Moves every line of a cart; `lines` is sku, quantity, sku, quantity, ...
local function move_cart(lines, from, to)
  if to == AVAILABLE then returns = returns + 1 end
  for i = 1, #lines, 2 do move(lines[i], from, to, lines[i + 1]) end
end
