-- The course of the evening. src/engine/course.ts defines all rules.
local COURSES, POINTS = KEYS[5], KEYS[6]
--   COURSES  hash  subject -> weight, step of the latest point, step and process of the latest
--                  offer, incarnation, label
--   POINTS   hash  subject/level/place in its ring -> at, point
local WEIGHT, LATEST, CLAIMED, CLAIMER = 1, 2, 3, 4

local function course_of(subject)
  local packed = redis.call('HGET', COURSES, subject)
  return packed and { cmsgpack.unpack(packed) }
end

local function save_course(subject, course)
  redis.call('HSET', COURSES, subject, cmsgpack.pack(unpack(course)))
end

-- levels: how many steps one point of a level stands for, and how many points it has
local function fields_of(subject, levels)
  local fields = {}
  for level, one in ipairs(levels) do
    for place = 0, one[2] - 1 do fields[#fields + 1] = subject .. '/' .. level .. '/' .. place end
  end
  return fields
end
