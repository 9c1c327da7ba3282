-- Creates a waiting room, once.
-- Columns: incarnation, deadline, min_time, rooms
--   rooms: of each item { incarnation, rules, claimMs, passMs, opensAt, random, coupled,
--     overcommit, max_active, seed, commitment, rate, burst, tier_names }
--   rules: canonical JSON; tier_names: by priority and index;
--   opensAt: epoch ms, -1 for none; max_active: -1 for none; random, coupled: 0 or 1
-- Statuses, each with incarnation and commitment of the existing room (of T: the item's own):
--   C created   X exists   N conflict   T retry
-- Reply: opened, now, how far that is ahead of the clock, statuses, incarnations, commitments;
--   or lost | denied, clock; or incompatible, clock, layout
-- Writes: META. `lost` if parts of a room are left without it.
-- @include time, acl
local META = KEYS[1]
local _, deadline, min_time, rooms = cmsgpack.unpack(ARGV[1])

local refused = refused_command()
if refused then return { 'denied', clock, refused } end
local found = redis.call('HMGET', META, 'rules', 'static', 'live')
local known_rules = found[1]
local known = found[2] and { cmsgpack.unpack(found[2]) }
if known and known[1] ~= @LAYOUT@ then return { 'incompatible', clock, known[1] } end
local written_at, ahead_then = 0, 0
if found[3] then written_at, ahead_then = cmsgpack.unpack(found[3]) end
local now, ahead = time_since(written_at, ahead_then, min_time)
if not (known_rules and known) and redis.call('EXISTS', unpack(KEYS)) > 0 then return { 'lost', clock } end

local function create(incarnation, rules, claimMs, passMs, opensAt, random, coupled, overcommit, max_active, seed, commitment, rate, burst, tier_names)
  if known_rules then return known_rules == rules and 'X' or 'N', known[2], known[11] end
  if clock > deadline then return 'T', incarnation, commitment end
  local order = {}
  for i = 1, #tier_names do order[i] = i - 1 end
  known = { @LAYOUT@, incarnation, claimMs, passMs, opensAt, random, coupled, overcommit, max_active, seed, commitment, tier_names, order, 0 }
  local live = {
    now, ahead, now, 0, 1, 0, 0, 1, 0, -- written_at to was_open
    burst * 1000000, rate, burst, 0, 0, 0, 0, -- tokens to missed_turns
    -1, 0, 0, -- no reading of the stock
    0, 0, 0, 0, 0, -- samples of the speed; no buyer is blocked
    #tier_names,
  }
  for _ = 1, #tier_names do
    for _, value in ipairs({ 0, now, 0, now, -1, 0, 0, 0, now, 0, 0, 0 }) do live[#live + 1] = value end
  end
  redis.call('HSET', META, 'rules', rules, 'static', cmsgpack.pack(unpack(known)), 'live', cmsgpack.pack(unpack(live)))
  known_rules = rules
  return 'C', incarnation, commitment
end

local statuses, incarnations, commitments = {}, {}, {}
for i, room in ipairs(rooms) do statuses[i], incarnations[i], commitments[i] = create(unpack(room)) end
return { 'opened', now, now - clock, table.concat(statuses), incarnations, commitments }
