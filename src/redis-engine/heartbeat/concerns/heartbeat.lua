-- Opens what the processes of a prefix tell each other, for its scripts. src/engine/heartbeat.ts
-- defines all rules. Every version reads and writes it: nothing here depends on the layout.
-- @include time
local PROCESSES, SEEN = KEYS[1], KEYS[2]
--   PROCESSES  hash  process -> its figures
--   SEEN       zset  process -> epoch ms at which it was seen last
-- ARGV[1]: msgpack values one after another: incarnation (not used), deadline, min_time, then the
--   items. Reply: opened, now, how far that is ahead of the clock, then the command's parts.
local _, deadline, _, items = cmsgpack.unpack(ARGV[1])
local late = clock > deadline

-- A script has no rollback: the user must have all permissions before it writes.
local function refused_of(commands)
  for _, command in ipairs(commands) do
    if not redis.acl_check_cmd(unpack(command)) then return command[1] end
  end
end

-- The bound of a score, in full digits.
local function before(ms)
  return string.format('%d', clock - ms)
end
