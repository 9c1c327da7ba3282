-- Opens the room, for every script but create and describe, and commits. src/engine/room.ts defines
-- the terms and all rules.
-- @include time

-- The same keys for every script:
local META, VISITORS, DEPARTED, DEPARTED_CHUNKS, PRESENT, LAST_SEEN, TURNS, LONG_TURNS, PASSES, REVOKED, BLOCKED, TRANSFERRED = unpack(KEYS)
--   META             hash    rules: JSON
--                            static: layout, incarnation, claimMs, passMs, opensAt (-1 for none),
--                            random and coupled (0 or 1), overcommit, max_active (-1 for none),
--                            seed, commitment, the names of the tiers by index ('' for none), the
--                            indices in the order of priority, revision
--                            live: the values named below, then how many tiers there are, and of
--                            each its values and its notes, as pairs, with their number before
--   VISITORS         hash    buyer -> number, and if they differ from "number, no pass, visit id
--                            = number, no turn missed": expiry of the pass or 0, visit id, and how
--                            many turns were missed if any
--   DEPARTED         string  bit n: the visitor with number n of tier 0 left while waiting; the
--                            last keys are those of the other tiers
--   DEPARTED_CHUNKS  hash    n / 65536 -> the version at which that part of DEPARTED changed last
--   PRESENT          zset    number -> TIER * index of the tier + rank, of the visitors who are
--                            present and wait for a token
--   LAST_SEEN        zset    number -> door time of the visitor's last poll, plus RETURNED if the
--                            visitor missed a turn and has polled since; HAD_TURN of a visitor with
--                            a turn, or who missed it and has not polled since; PASSED_OVER of a
--                            visitor whose token went to another, and who has not polled since
--   TURNS            zset    number -> door time until which the visitor may take the turn
--   LONG_TURNS       zset    the same of visitors who had missed a turn
--   PASSES           zset    number -> epoch ms at which the pass expires; of a spent pass: minus
--                            the epoch ms at which it was spent
--   REVOKED          zset    buyer and visit id packed -> epoch ms of the revocation
--   BLOCKED          set     buyers who may not join
--   TRANSFERRED      hash    buyer -> the visit that was transferred last, to whom, and its visit
--                            id there, packed
-- ARGV[1]: msgpack values one after another: incarnation, deadline, min_time, then the command's
--   own columns.
-- Reply: outcome, now, sequence, how far `now` is ahead of the clock, then the command's parts.
local TOKEN, SHOW_MS, PRESENT_MS, STOCK_MS, GAP_MS, SPEED_MS = 1000000, 2000, 3000, 1000, 2000, 10000
local TURN_AGAIN_MS, TURNS_AGAIN, AWAY_AT_ONCE, FORGET_AT_ONCE, SLOTS_A_LONG_TURN = 120000, 3, 1000, 1000, 10
-- A number is TIER * index of its tier + how many numbers the tier has given by then.
local CHUNK, TIER = 65536, 1099511627776
local RETURNED, HAD_TURN, PASSED_OVER = 1000000000000000, 2000000000000000, 3000000000000000

local call = { cmsgpack.unpack(ARGV[1]) }
local deadline = call[2]

local opened_room = redis.call('HMGET', META, 'static', 'live')
if not (opened_room[1] and opened_room[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', clock }
end
local layout, incarnation, claimMs, passMs, opensAt, random, coupled, overcommit, max_active, seed, commitment, tier_names, tier_order, revision = cmsgpack.unpack(opened_room[1])
-- See sale/concerns/partition.lua.
if layout ~= @LAYOUT@ then return { 'incompatible', clock, layout } end

-- The values of `live`, in their order. written_at: the time of the latest change; ahead: how far
-- that is ahead of the clock; last: the time up to which the room was moved on; keys: how many of
-- KEYS exist; door_time: ms for which the room has been open and tended; was_open: whether it has
-- ever been open; blocked: how many are in BLOCKED.
local NAMES = {
  'written_at', 'ahead', 'last', 'sequence', 'keys', 'door_time', 'fresh_from', 'ran', 'was_open',
  'tokens', 'rate', 'burst', 'paused', 'departed_version', 'admitted', 'missed_turns',
  'stock_at', 'stock_state', 'stock_available', 'from_at', 'from_called', 'next_at', 'next_called', 'blocked',
}
-- The values of each tier. drawn: -1 before the draw.
local TIER_VALUES = {
  'tail', 'tail_at', 'called', 'called_at', 'drawn', 'waiting',
  'older_called', 'older_tail', 'newer_at', 'newer_called', 'newer_tail',
}
-- `tiers` by index, from 0 on.
local room, tiers, tier_count = {}, {}, 0
do
  local values = { cmsgpack.unpack(opened_room[2]) }
  for i, name in ipairs(NAMES) do room[name] = values[i] end
  local at = #NAMES + 1
  tier_count = values[at]
  for index = 0, tier_count - 1 do
    local tier = { index = index, notes = {} }
    for i, name in ipairs(TIER_VALUES) do tier[name] = values[at + i] end
    at = at + #TIER_VALUES + 1
    for i = 1, values[at] do tier.notes[i] = values[at + i] end
    at = at + values[at]
    tiers[index] = tier
  end
end
if incarnation ~= call[1] or redis.call('EXISTS', unpack(KEYS)) ~= room.keys then return { 'lost', clock } end
local now, ahead = time_since(room.written_at, room.ahead, call[3])
local late = clock > deadline
local opened = opensAt < 0 or now >= opensAt

-- How long a turn is kept for a visitor who has missed one.
local function long_ms() return math.max(claimMs, TURN_AGAIN_MS) end

-- Of all tiers together.
local function total(name)
  local sum = 0
  for index = 0, tier_count - 1 do sum = sum + tiers[index][name] end
  return sum
end

local function is_drawn() return tiers[0].drawn >= 0 end

-- How many were drawn, -1 before the draw.
local function total_drawn() return is_drawn() and total('drawn') or -1 end

local function tier_of(number) return tiers[math.floor(number / TIER)] end

local function departed_key(index) return index == 0 and DEPARTED or KEYS[12 + index] end

local function number_text(number) return string.format('%d', number) end

-- The reply of a call, including a call that came too late to change anything.
local function reply(parts)
  local values = { 'done', now, room.sequence, now - clock }
  for i = 1, #parts do values[4 + i] = parts[i] end
  return values
end

local function commit(parts)
  room.written_at, room.ahead = now, ahead
  room.sequence = room.sequence + 1
  room.keys = redis.call('EXISTS', unpack(KEYS))
  local values = {}
  for i, name in ipairs(NAMES) do values[i] = room[name] end
  values[#NAMES + 1] = tier_count
  for index = 0, tier_count - 1 do
    local tier = tiers[index]
    for _, name in ipairs(TIER_VALUES) do values[#values + 1] = tier[name] end
    values[#values + 1] = #tier.notes
    for _, note in ipairs(tier.notes) do values[#values + 1] = note end
  end
  redis.call('HSET', META, 'live', cmsgpack.pack(unpack(values)))
  return reply(parts)
end
