// A follower in a process of its own: says its process id once it follows, and goes on until it is
// killed or told a line.
import { createInterface } from 'node:readline'
import pg from 'pg'
import { FlashSale, redisEngine } from '../../../src/index.js'
import { postgresLedger } from '../../../src/postgres.js'

export interface FollowerConfig {
  readonly redis: string
  readonly postgres: string
  readonly schema: string
  readonly sale: string
}

const { redis, postgres, schema, sale: id } = JSON.parse(process.argv[2]!) as FollowerConfig
const pool = new pg.Pool({ connectionString: postgres })
pool.on('error', () => {})
const engine = redisEngine(redis)
const sale = new FlashSale(id, { engine, deadlineMs: 60_000 })
const follower = await postgresLedger(pool, { schema }).follow(sale, { maxPauseMs: 50 })
console.log(JSON.stringify({ pid: process.pid }))
await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next()
await follower.close()
console.log(JSON.stringify(await follower.stats()))
await sale.close()
await engine.close()
await pool.end()
process.stdin.destroy()
