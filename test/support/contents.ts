/**
 * A server may list the fields of a hash in another order each time, in DUMP too: Valkey does.
 * Everything else keeps its order.
 */
const script = `
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return redis.call('DUMP', KEYS[1]) end
local fields = redis.call('HKEYS', KEYS[1])
table.sort(fields)
local all = {}
for _, field in ipairs(fields) do all[#all + 1] = { field, redis.call('HGET', KEYS[1], field) } end
return all`

/**
 * The command that answers all that a key holds, byte by byte: equal if and only if nothing was
 * written.
 */
export const contentsOf = (key: string) => ['EVAL', script, '1', key] as const
