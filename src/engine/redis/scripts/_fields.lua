-- HMGET of any number of fields: unpack fails near 8,000 values.
local function read_fields(key, fields)
  if #fields <= 4000 then return redis.call('HMGET', key, unpack(fields)) end
  local values = {}
  for first = 1, #fields, 4000 do
    local last = math.min(first + 3999, #fields)
    for i, value in ipairs(redis.call('HMGET', key, unpack(fields, first, last))) do
      values[first + i - 1] = value
    end
  end
  return values
end
