-- Shared head of every script of a waiting room but create and describe: opens the room, and commits. What the words mean,
-- and every rule, stands in src/engine/room.ts.
--
-- KEYS, the same for every script:
-- @include time
local META, PLACES, GONE, CHUNKS, DOOR, SEEN, TURNS, PASSES, REVOKED = unpack(KEYS)
--   META     hash    rules: JSON; static: layout, token, claimMs, passMs, opensAt, random, coupled, overcommit, seed, commitment (opensAt -1
--                    for none; random, coupled 0 or 1); live: the values named below, then the notes as pairs
--   PLACES   hash    buyer -> number, and where they differ from "number, no pass, stay = number": expiry of the pass or 0, stay
--   GONE     string  bit n: place n was given up while waiting
--   CHUNKS   hash    n / 65536 -> the version at which that part of GONE changed last
--   DOOR     zset    number -> rank, of those who have come and wait for a token
--   SEEN     zset    number -> door time of the last visit
--   TURNS    zset    number -> door time until which the turn is waited for
--   PASSES   zset    number -> epoch ms at which the pass expires; spent ones: minus the epoch ms at which they were spent
--   REVOKED  zset    buyer and stay packed -> epoch ms of the revocation
-- ARGV[1]: msgpack values one after another: token, deadline, floor, then the command's own columns.
-- Reply: outcome, now, sequence, by how much `now` is ahead of the clock, then the command's own parts.
local TOKEN, SHOW_MS, PRESENT_MS, STOCK_MS, GAP_MS, SPEED_MS = 1000000, 2000, 3000, 1000, 2000, 10000
local CHUNK = 65536

local call = { cmsgpack.unpack(ARGV[1]) }
local deadline = call[2]

local opened_room = redis.call('HMGET', META, 'static', 'live')
if not (opened_room[1] and opened_room[2]) then
  return { redis.call('EXISTS', unpack(KEYS)) > 0 and 'lost' or 'missing', clock }
end
local layout, token, claimMs, passMs, opensAt, random, coupled, overcommit, seed = cmsgpack.unpack(opened_room[1])
-- See sale/concerns/partition.lua.
if layout ~= @LAYOUT@ then return { 'incompatible', clock, layout } end

-- The values of `live`, in their order. written_at: the time of the latest change; ahead: by how
-- much that is ahead of the clock; last: up to when the room was moved on; keys: how many of KEYS
-- there are; places: how many buyers have one.
local NAMES = {
  'written_at', 'ahead', 'last', 'sequence', 'keys', 'door', 'fresh_from', 'ran', 'tokens', 'rate', 'burst', 'paused',
  'tail', 'tail_at', 'called', 'called_at', 'drawn', 'gone_version', 'waiting', 'admitted', 'missed',
  'stock_at', 'stock_state', 'stock_available',
  'older_called', 'older_tail', 'newer_at', 'newer_called', 'newer_tail',
  'from_at', 'from_called', 'next_at', 'next_called',
}
local room, notes = {}, {}
do
  local values = { cmsgpack.unpack(opened_room[2]) }
  for i, name in ipairs(NAMES) do room[name] = values[i] end
  for i = #NAMES + 1, #values do notes[#notes + 1] = values[i] end
end
if token ~= call[1] or redis.call('EXISTS', unpack(KEYS)) ~= room.keys then return { 'lost', clock } end
local now, ahead = time_since(room.written_at, room.ahead, call[3])
local late = clock > deadline
local opened = opensAt < 0 or now >= opensAt

local function number_text(number) return string.format('%.0f', number) end

local function commit(parts)
  room.written_at, room.ahead = now, ahead
  room.sequence = room.sequence + 1
  room.keys = redis.call('EXISTS', unpack(KEYS))
  local values = {}
  for i, name in ipairs(NAMES) do values[i] = room[name] end
  for _, note in ipairs(notes) do values[#values + 1] = note end
  redis.call('HSET', META, 'live', cmsgpack.pack(unpack(values)))
  local reply = { 'done', now, room.sequence, now - clock }
  for i = 1, #parts do reply[4 + i] = parts[i] end
  return reply
end

-- A reply for a call that came too late to change anything.
local function unchanged(parts)
  local reply = { 'done', now, room.sequence, now - clock }
  for i = 1, #parts do reply[4 + i] = parts[i] end
  return reply
end
