-- Where the sale stands by its times and by what was commanded.
local function has_ended()
  return ended == 1 or (closesAt >= 0 and now >= closesAt)
end

-- The sale's state in one letter: ended, not started, paused, open.
local function sale_state()
  if has_ended() then return 'E' end
  if now < opensAt then return 'N' end
  if paused == 1 then return 'P' end
  return 'O'
end
