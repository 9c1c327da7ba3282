-- One reservation a call, with the same guarantees: limit per buyer, idempotency key, expiry,
-- event, no oversell.
-- KEYS: stock, buyers, keys, reservations, expiry, events
-- ARGV: id, buyer, key, sku, quantity, limit, holdMs, deadline
local stock, buyers, keys, reservations, expiry, events = unpack(KEYS)
local id, buyer, key, sku = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local quantity, limit, holdMs = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local known = redis.call('HGET', keys, buyer .. ':' .. key)
if known then return { 'reserved', known, 1 } end
if now > tonumber(ARGV[8]) then return { 'late' } end

for _, lapsed in ipairs(redis.call('ZRANGE', expiry, '-inf', now, 'BYSCORE', 'LIMIT', 0, 10)) do
  local record = cmsgpack.unpack(redis.call('HGET', reservations, lapsed))
  if record[5] == 'held' then
    record[5] = 'expired'
    redis.call('HSET', reservations, lapsed, cmsgpack.pack(record))
    redis.call('HINCRBY', stock, record[3], record[4])
    redis.call('HINCRBY', buyers, record[1] .. ':' .. record[3], -record[4])
    redis.call('XADD', events, '*', 'type', 'expired', 'id', lapsed)
  end
  redis.call('ZREM', expiry, lapsed)
end

local taken = tonumber(redis.call('HGET', buyers, buyer .. ':' .. sku) or '0')
if taken + quantity > limit then return { 'limit_exceeded', taken } end
local available = tonumber(redis.call('HGET', stock, sku))
if available < quantity then return { 'sold_out', available } end

redis.call('HINCRBY', stock, sku, -quantity)
redis.call('HINCRBY', buyers, buyer .. ':' .. sku, quantity)
redis.call('HSET', keys, buyer .. ':' .. key, id)
redis.call('HSET', reservations, id, cmsgpack.pack({ buyer, key, sku, quantity, 'held', now, now + holdMs }))
redis.call('ZADD', expiry, now + holdMs, id)
redis.call('XADD', events, '*', 'type', 'reserved', 'id', id)
return { 'reserved', id, 0 }
