-- What lies in an entry of EVENTS: its time, then groups. Calls back with each group's type, argument and subject, and that time; a group
-- at a time, for the number of groups has no bound.
local function each_group(packed, call_back)
  local offset, at = cmsgpack.unpack_one(packed)
  local kind, argument, subject
  while offset >= 0 do
    offset, kind, argument, subject = cmsgpack.unpack_limit(packed, 3, offset)
    call_back(kind, argument, subject, at)
  end
end
