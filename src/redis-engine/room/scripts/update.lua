-- Changes rules.
-- Columns: incarnation, deadline, min_time, opening times (epoch ms; -1 for none, -2 as it is),
--   lists of names of tiers by priority (empty: as they are)
-- Statuses: U updated   S replayed   M missing tier   T retry
-- Parts: statuses; the revision after each item, packed
-- Writes: META, and the keys that moving on writes.
-- @include lists, room, draw, move_on, tiers
local statuses, revisions = {}, {}

-- Whether the names are those in force, and whether one of those is missing.
local function compare(names)
  if #names == 0 then return true, false end
  local given, same = {}, #names == tier_count and tier_names[1] ~= ''
  for i, name in ipairs(names) do
    given[name] = true
    same = same and tier_names[tier_order[i] + 1] == name
  end
  for _, name in ipairs(tier_names) do
    if name ~= '' and not given[name] then return false, true end
  end
  return same, false
end

local function reorder(names)
  -- The visitors of a room without tiers are in the last one from now on.
  if tier_names[1] == '' then tier_names[1] = names[#names] end
  local order = {}
  for i, name in ipairs(names) do
    local tier = tier_named(name)
    if not tier then
      tier = { index = tier_count, notes = {} }
      for _, value in ipairs(TIER_VALUES) do tier[value] = 0 end
      tier.tail_at, tier.called_at, tier.newer_at, tier.drawn = now, now, now, -1
      -- Where the others were drawn, there is nothing to draw any more.
      if is_drawn() then draw_tier(tier) end
      tiers[tier_count], tier_names[tier_count + 1] = tier, name
      tier_count = tier_count + 1
    end
    order[i] = tier.index
  end
  tier_order = order
end

local function update(opens_at, names)
  if not late then move_on() end
  local same, lacks = compare(names)
  if lacks then return 'M' end
  if same and (opens_at == -2 or opens_at == opensAt) then return 'S' end
  if late then return 'T' end
  if not same then reorder(names) end
  if opens_at ~= -2 then opensAt = opens_at end
  opened = opensAt < 0 or now >= opensAt
  revision = revision + 1
  redis.call('HSET', META, 'static', cmsgpack.pack(layout, incarnation, claimMs, passMs, opensAt, random, coupled, overcommit, max_active, seed, commitment, tier_names, tier_order, revision))
  return 'U'
end

for i, opens_at in ipairs(call[4]) do
  statuses[i] = update(opens_at, call[5][i])
  revisions[i] = revision
end
local parts = { table.concat(statuses), pack_all(revisions) }
if late then return reply(parts) end
return commit(parts)
