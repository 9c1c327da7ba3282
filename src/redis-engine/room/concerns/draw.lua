-- The draw: at the first change after the opening, the visitors of a random room get their ranks.
-- @include room
local function draw_tier(tier)
  tier.drawn = tier.tail
  -- From now on each visitor has another rank, and has had no time to poll with it.
  tier.tail_at, tier.newer_at = now, now
  tier.older_called, tier.older_tail, tier.newer_called, tier.newer_tail = tier.called, 0, tier.called, 0
end

local function draw()
  if random == 0 or is_drawn() or not opened then return end
  for index = 0, tier_count - 1 do draw_tier(tiers[index]) end
end
