-- What stands against taking units that are available.

-- Units of every SKU that the buyer has held or confirmed, in a bucket whose lapsed holds are swept.
local function taken_by(bucket, buyer)
  local taken = {}
  for _, record in ipairs(records(bucket)) do
    if record[BUYER] == buyer and is_active(record[STATE]) then
      local lines = lines_of(record[ITEMS])
      for i = 1, #lines, 2 do
        taken[lines[i]] = (taken[lines[i]] or 0) + lines[i + 1]
      end
    end
  end
  return taken
end

-- The first SKU of a cart that would pass the buyer's limit, with the limit and what is taken.
local function over_limit(lines, taken)
  for i = 1, #lines, 2 do
    local limit = counts(lines[i])[LIMIT]
    local has = taken[lines[i]] or 0
    if limit >= 0 and has + lines[i + 1] > limit then return lines[i], limit, has end
  end
end

-- The first SKU of a cart that lacks units, after sweeping for it; 'retry' when that was not known within the budget.
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
