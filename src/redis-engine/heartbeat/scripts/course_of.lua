-- Items: { subject, levels }. Parts: of each item its label, and a list of times and points
-- Writes: nothing.
-- @include course, heartbeat, time
local function points_of(subject, levels)
  local course = course_of(subject)
  if not course then return '', {} end
  local points = {}
  for _, packed in ipairs(redis.call('HMGET', POINTS, unpack(fields_of(subject, levels)))) do
    if packed then
      points[#points + 1], points[#points + 2] = cmsgpack.unpack(packed)
    end
  end
  return course[6], points
end

local parts = { 'opened', clock, 0 }
for _, item in ipairs(items) do
  local label, points = points_of(unpack(item))
  parts[#parts + 1] = label
  parts[#parts + 1] = points
end
return parts
