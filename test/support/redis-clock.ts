/**
 * A clock that is a key of the server: what the engines of tests read in place of TIME. Its key is
 * the engine's prefix, which every key of a command begins with, so that all of these engines have
 * the same scripts.
 */
export const REDIS_CLOCK = `(function()
  local ms = tonumber(redis.call('GET', KEYS[1]:match('^{([^:]*):')))
  return { math.floor(ms / 1000), ms % 1000 * 1000 }
end)()`
