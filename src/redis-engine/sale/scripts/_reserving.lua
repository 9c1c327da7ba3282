-- What all requests of a batch share, see reserve.lua.
local plans, buckets, fragments, nonces, planOf = call[4], call[5], call[6], call[7], call[8]
local refusal = recovers == 0 and ({ E = 'E', N = 'N', P = 'Z' })[sale_state()]
local statuses, details = {}, {}

-- Neighbours that were reserved for the same time are entered together, into the expiry index and the events.
local run_first, run_last, run_hold

function emit_gathered()
  if not run_first then return end
  local first, last = run_first, run_last
  run_first = nil
  emit_many(RESERVED, run_hold, table.concat(buckets, '', first, last), nonces:sub(first * 6 - 5, last * 6))
  watch_expiry(now + run_hold)
end

local function reserved(i, hold)
  if run_first and run_last == i - 1 and run_hold == hold then
    run_last = i
  else
    emit_gathered()
    run_first, run_last, run_hold = i, i, hold
  end
  return 'R'
end
