-- Reads the partition's events.
-- Columns: token, deadline, floor, afters
--   afters: sequence numbers; what comes behind them is wanted
-- Statuses: W events. Details, each item: first sequence, packed events, first sequence, packed events, ...
-- Writes: nothing.
local statuses, details = {}, {}
for i, after in ipairs(call[4]) do
  -- An entry bears the number of its first event, so the wanted one may lie within the entry before.
  local holding = redis.call('XREVRANGE', EVENTS, string.format('%.0f-0', after + 1), '-', 'COUNT', 1)
  local from = holding[1] and holding[1][1] or '-'
  local found = {}
  for _, entry in ipairs(redis.call('XRANGE', EVENTS, from, '+', 'COUNT', 16)) do
    found[#found + 1] = entry[1]:sub(1, -3)
    found[#found + 1] = entry[2][2]
  end
  statuses[i] = 'W'
  details[i] = found
end
return finish(table.concat(statuses), details)
