import { Redis } from 'ioredis'
import { startRedis } from '../scripts/redis/server.js'
import { FlashSale, redisEngine } from '../src/index.js'
const server = await startRedis(); const client = new Redis(server.url)
const N = 400_000
for (let r = 0; r < 3; r++) {
  await client.flushall(); await client.config('RESETSTAT')
  const sale = new FlashSale('b', { engine: redisEngine(client), deadlineMs: 60000 })
  await sale.create({ stock: { m: N }, limitPerBuyer: 2 })
  let n = 0
  const c0 = process.cpuUsage(); const t0 = performance.now()
  await Promise.all(Array.from({ length: 2000 }, async () => { while (n < N) { const i = n++; await sale.reserve({ buyer: 'u' + String(i).padStart(11, '0'), items: [{ sku: 'm', quantity: 1 }], key: 'checkout-' + String(i).padStart(15, '0') }) } }))
  const ms = performance.now() - t0; const c = process.cpuUsage(c0)
  const stats = (await client.info('commandstats')).split('\n').filter((l) => /evalsha|hset|hmget|xadd|zadd|zrange/.test(l))
  console.log('rate', Math.round(N / ms * 1000), 'node cpu us/op', ((c.user + c.system) / N).toFixed(2))
  if (r === 2) { const m = (await client.info('memory')); console.log((Number(/used_memory:(\d+)/.exec(m)![1])) / N)
   for (const l of stats) { const [, name, calls, usec] = /cmdstat_([^:]+):calls=(\d+),usec=(\d+)/.exec(l)!; console.log(name, 'calls', calls, 'us/op', (Number(usec) / N).toFixed(3), 'batch', (N / Number(calls)).toFixed(1)) } 
   for (const k of ['buckets','expiry','events','stock']) console.log(k, (await client.memory('USAGE', `{stockhold:b:0}:${k}`, 'SAMPLES', 0))! / N)
  }
  await sale.close()
}
client.disconnect(); await server.stop()
