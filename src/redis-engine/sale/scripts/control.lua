-- Pauses, resumes and ends the sale.
-- Columns: incarnation, deadline, min_time, actions, recovered, afters
--   actions: pause | resume | end | unfreeze | advance
--   recovered: of an unfreeze a list of offsets: { generation, sequence, batch id }
--   afters: of an unfreeze and an advance the latest generation that any process has seen
-- Statuses, the state afterwards: O open   N not_started   P paused   E ended   F frozen   T retry
-- Writes: EVENTS, META.
-- @include partition, may_write, rollback_detection, types, stored_values, event_log, commit

-- Whether all of them are part of this history; while it is frozen, of the present generation.
local function are_present(offsets)
  for _, offset in ipairs(offsets) do
    last_seen_generation, last_seen_sequence, last_seen_batch_id = unpack(offset)
    if frozen == 1 and last_seen_generation ~= generation or not remembers_last_seen() then return false end
  end
  return true
end

local statuses = {}
for i, action in ipairs(call[4]) do
  local wanted = action == 'pause' and 1 or 0
  local changes
  if action == 'end' then
    changes = ended == 0
  elseif action == 'unfreeze' then
    changes = frozen == 1
  elseif action == 'advance' then
    changes = frozen == 1 and call[6][i] > generation
  else
    local is_over = ended == 1 or (bypass_freeze == 0 and has_ended())
    changes = not is_over and paused ~= wanted
  end
  if action == 'unfreeze' and not are_present(call[5][i]) then
    if frozen == 0 then
      frozen, since, live_changed = 1, sequence + emitted, true
    end
    statuses[i] = 'F'
  elseif changes and late then
    statuses[i] = 'T'
  else
    if changes and action == 'end' then
      ended = 1
      emit(ENDED, NONE, NONE)
    elseif changes and action == 'unfreeze' then
      frozen, generation, live_changed = 0, call[6][i] > generation and call[6][i] + 2 or generation + 1, true
    elseif changes and action == 'advance' then
      generation, live_changed = call[6][i] + 1, true
    elseif changes then
      paused = wanted
      emit(wanted == 1 and PAUSED or RESUMED, NONE, NONE)
    end
    statuses[i] = sale_state()
  end
end
return finish(table.concat(statuses), {})
