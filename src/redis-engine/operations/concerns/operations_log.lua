-- Opens the operations log of a prefix, for its scripts. src/engine/operations-log.ts defines all
-- rules.
-- @include time
local ENTRIES, ORDER = KEYS[1], KEYS[2]
--   ENTRIES  hash  id -> layout, number, begun, begunAt, endedAt (-1: no outcome), ended
--   ORDER    zset  id -> number
-- ARGV[1]: msgpack values one after another: incarnation (not used), deadline, min_time, then the
--   items. Reply: opened, now, how far that is ahead of the clock, then the command's parts.
local ENDED_AT, ENDED = 5, 6
local _, deadline, _, items = cmsgpack.unpack(ARGV[1])
local late = clock > deadline
