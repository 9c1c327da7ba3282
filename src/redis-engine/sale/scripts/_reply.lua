-- The reply of a call that was carried out.
local function reply(statuses, details)
  local values = { 'done', now, sequence, epoch, holdMs, statuses, line, tip, now - clock }
  for i = 1, #details do values[9 + i] = details[i] end
  return values
end
