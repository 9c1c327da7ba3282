-- The tiers by name and by priority.
-- @include room

-- The tier of this name, or the last one ('' for the name); nil if there is none.
local function tier_named(name)
  if name == '' then return tiers[tier_order[tier_count]] end
  for i, known in ipairs(tier_names) do
    if known == name then return tiers[i - 1] end
  end
end

-- The one that goes first.
local function better(tier, other)
  for _, index in ipairs(tier_order) do
    if index == tier.index or index == other.index then return tiers[index] end
  end
end
