-- Tells points of subjects.
-- Items: { process, subject, incarnation, label, point, step_ms, max_point, max_label, levels }
-- Letters: A appended   K known   U unknown   L too_large   T retry
-- Writes: COURSES, POINTS.
-- @include course, heartbeat, time
local refused = refused_of({
  { 'HGET', COURSES, 'f' }, { 'HSET', COURSES, 'f', 'v' }, { 'HSET', POINTS, 'f', 'v' }, { 'HDEL', POINTS, 'f' },
})
if refused then return { 'denied', clock, refused } end

local function append(process, subject, incarnation, label, point, step_ms, max_point, max_label, levels)
  if #point > max_point or #label > max_label then return 'L' end
  local course = course_of(subject)
  if not course then return 'U' end
  local step = math.floor(clock / step_ms)
  if course[LATEST] >= step then return 'K' end
  if course[CLAIMED] >= step and course[CLAIMER] ~= process then return 'K' end
  if late then return 'T' end
  if course[5] ~= '' and course[5] ~= incarnation then
    redis.call('HDEL', POINTS, unpack(fields_of(subject, levels)))
    course[LATEST] = 0
  end
  local packed = cmsgpack.pack(clock, point)
  for level, one in ipairs(levels) do
    local place = math.floor(step / one[1])
    if place > math.floor(course[LATEST] / one[1]) then
      redis.call('HSET', POINTS, subject .. '/' .. level .. '/' .. place % one[2], packed)
    end
  end
  course[LATEST], course[5], course[6] = step, incarnation, label
  save_course(subject, course)
  return 'A'
end

local letters = {}
for i, item in ipairs(items) do letters[i] = append(unpack(item)) end
return { 'opened', clock, 0, table.concat(letters) }
