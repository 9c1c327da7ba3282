-- Sweeps until nothing is due, or the budget is spent.
local function sweep_all()
  if not is_due() then return end
  local sweep_some = rare()
  while sweep_some() do end
end
