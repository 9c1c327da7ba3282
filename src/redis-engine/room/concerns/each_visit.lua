-- Answers each item of a command about visits by a letter.
-- Columns: incarnation, deadline, min_time, buyers, visit_ids
-- Parts: statuses
-- @include room, move_on
local function answer_each(status_of)
  local statuses = {}
  if not late then move_on() end
  for i, buyer in ipairs(call[4]) do statuses[i] = status_of(buyer, call[5][i]) end
  local parts = { table.concat(statuses) }
  if late then return reply(parts) end
  return commit(parts)
end
