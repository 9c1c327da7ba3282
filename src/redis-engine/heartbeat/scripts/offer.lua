-- Offers points of subjects.
-- Items: { process, subject, weight, step_ms, max_subjects, stale_steps, levels }
-- Letters: D due   I idle   F full   T retry
-- Writes: COURSES, POINTS.
-- @include course, heartbeat, time
local refused = refused_of({
  { 'HGET', COURSES, 'f' }, { 'HSET', COURSES, 'f', 'v' }, { 'HLEN', COURSES }, { 'HGETALL', COURSES },
  { 'HDEL', COURSES, 'f' }, { 'HDEL', POINTS, 'f' },
})
if refused then return { 'denied', clock, refused } end

-- The subject that makes room, and its weight: -1 if it is stale.
local function least_of(oldest)
  local found = redis.call('HGETALL', COURSES)
  local name, least = nil, nil
  for i = 1, #found, 2 do
    local course = { cmsgpack.unpack(found[i + 1]) }
    local weight = math.max(course[LATEST], course[CLAIMED]) < oldest and -1 or course[WEIGHT]
    if not name or weight < least or (weight == least and found[i] < name) then name, least = found[i], weight end
  end
  return name, least
end

local function make_room(step, weight, max_subjects, stale_steps, levels)
  if redis.call('HLEN', COURSES) < max_subjects then return true end
  local name, least = least_of(step - stale_steps)
  if least * 2 >= weight then return false end
  redis.call('HDEL', COURSES, name)
  redis.call('HDEL', POINTS, unpack(fields_of(name, levels)))
  return true
end

local function offer(process, subject, weight, step_ms, max_subjects, stale_steps, levels)
  local step = math.floor(clock / step_ms)
  local course = course_of(subject)
  if course and math.max(course[LATEST], course[CLAIMED]) >= step then
    local is_mine = course[CLAIMED] == step and course[CLAIMER] == process
    return is_mine and course[LATEST] < step and 'D' or 'I'
  end
  if late then return 'T' end
  if not course and not make_room(step, weight, max_subjects, stale_steps, levels) then return 'F' end
  course = course or { 0, 0, 0, '', '', '' }
  course[WEIGHT], course[CLAIMED], course[CLAIMER] = weight, step, process
  save_course(subject, course)
  return 'D'
end

local letters = {}
for i, item in ipairs(items) do letters[i] = offer(unpack(item)) end
return { 'opened', clock, 0, table.concat(letters) }
