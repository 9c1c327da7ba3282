-- Writes all changes of this call, and builds the reply. Scripts read and decide first: before the
--   commit, no write can be left half done by a failure.
-- @include time, lists, partition, rollback_detection, stored_values, stock_moves, records
-- @include event_log, expiry

-- Set by a change of `live` that writes no event: the end of a freeze, for example.
local live_changed = false
-- Filled by the commands that remember a key, see remembered.lua: field, value, ...
local restocks = {}
-- Filled by update.lua: field, value, ... of META.
local changed_rules = {}
-- If the user has lost a permission since the sale was created, it would end the script between two
-- writes: so the script first checks each command that is about to write.
-- https://redis.io/docs/latest/develop/programmability/lua-api/#redis.acl_check_cmd Returns the
-- command that the user may not run, or nil.
local function refused_write()
  local may = redis.acl_check_cmd
  if emitted > 0 and not may('XADD', EVENTS, '*', 'f', 'v') then return 'XADD' end
  if (emitted > 0 or #swept > 0 or set_back or live_changed or #changed_rules > 0) and not may_change() then return 'HSET' end
  if next(watched) and not may('ZADD', EXPIRY, '0', 'm') then return 'ZADD' end
  if #swept > 0 and not may('ZREM', EXPIRY, 'm') then return 'ZREM' end
  if #restocks > 0 and not may('HSET', RESTOCKS, 'f', 'v') then return 'HSET' end
  if next(changed_rows) and not may('HSET', TRANSFERS, 'f', 'v') then return 'HSET' end
  if next(archive_changes) and not may('HSET', ARCHIVE, 'f', 'v') then return 'HSET' end
end

local function finish(statuses, details)
  if history_lost then return { 'lost', clock } end
  local refused = refused_write()
  if refused then return { 'denied', clock, refused } end
  local events_before = sequence
  if save_records then save_records() end
  local buckets_before = bucketCount
  bucketCount = bucketCount + write_fields(BUCKETS, written)
  if buckets_before < TABLE_FROM and bucketCount >= TABLE_FROM and redis.acl_check_cmd('HDEL', BUCKETS, 'f') then
    -- One long value makes it a table for good; the value itself can be removed.
    redis.call('HSET', BUCKETS, '', ('-'):rep(1025))
    redis.call('HDEL', BUCKETS, '')
  end
  save_stock()
  write_fields(META, changed_rules)
  local transfers = {}
  for field, row in pairs(changed_rows) do
    transfers[#transfers + 1] = field
    transfers[#transfers + 1] = row
  end
  transferCount = transferCount + write_fields(TRANSFERS, transfers)
  restockCount = restockCount + write_fields(RESTOCKS, restocks)
  save_expiry()
  save_events()
  if sequence > events_before or #swept > 0 or live_changed or set_back then redis.call('HSET', META, 'live', live()) end
  return reply(statuses, details)
end
