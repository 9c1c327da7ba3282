-- The plain way: one script call a payment. KEYS as in reserve.lua ; ARGV: id, payment
local hold=redis.call('HGET',KEYS[2],ARGV[1])
if not hold then return -1 end
if string.sub(hold,-2)==':c' then return 2 end
redis.call('HSET',KEYS[2],ARGV[1],hold..':c')
redis.call('ZREM',KEYS[3],ARGV[1])
redis.call('XADD',KEYS[5],'*','t','c','id',ARGV[1],'p',ARGV[2])
return 1
