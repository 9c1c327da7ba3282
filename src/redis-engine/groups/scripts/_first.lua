-- The stream's oldest entry. Its id bears the sequence of its first event.
local first_sequence

local function sequence_of(id)
  return tonumber(id:match('^%d+'))
end

-- The sequence of the oldest event that is left.
local function first_left()
  if sequence == 0 then return 1 end
  first_sequence = first_sequence or sequence_of(redis.call('XRANGE', EVENTS, '-', '+', 'COUNT', 1)[1][1])
  return first_sequence
end
