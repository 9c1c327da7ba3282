-- Creates a partition, with its part of the stock.
-- @include lists
local META, STOCK = KEYS[1], KEYS[2]

-- The values of a sale as `create` takes them: see there.
--   time, ahead: the time, and how far it is ahead of the clock
local function begin_partition(incarnation, rules, opensAt, closesAt, holdMs, maxHoldMs, units, limits, own_by_sku, shared_by_sku, return_skus, shared, generation, frozen, time, ahead)
  local stock = {}
  for i = 1, #units do
    stock[2 * i - 1] = i - 1
    stock[2 * i] = cmsgpack.pack(units[i], 0, 0, units[i], 0, limits[i], 0, shared_by_sku[i], own_by_sku[i], return_skus[i])
  end
  for last, first in next_piece, stock, 0 do redis.call('HSET', STOCK, unpack(stock, first, last)) end
  local static = cmsgpack.pack(@LAYOUT@, incarnation, time, opensAt, closesAt, holdMs, maxHoldMs, #units, 0, 1, holdMs, 0)
  local packed = cmsgpack.pack(time, 0, 0, 0, 0, 0, 0, 0, generation, frozen, '', 0, 0, 0, ahead)
  redis.call('HSET', META, 'rules', rules, 'static', static, 'live', packed, 'shared', shared)
end
