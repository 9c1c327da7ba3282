// A warehouse in a process of its own: ships every order, and says what it was told of each.
import pg from 'pg'
import { FlashSale, redisEngine, StockholdError } from '../../../src/index.js'
import { postgresLedger } from '../../../src/postgres.js'

export interface ShipperConfig {
  readonly redis: string
  readonly postgres: string
  readonly schema: string
  readonly sale: string
  readonly ids: readonly string[]
}

export interface ShipperReport {
  readonly id: string
  readonly status: string
}

const { redis, postgres, schema, sale: name, ids } = JSON.parse(process.argv[2]!) as ShipperConfig
const pool = new pg.Pool({ connectionString: postgres })
pool.on('error', () => {})
const engine = redisEngine(redis)
const sale = new FlashSale(name, { engine, deadlineMs: 20_000 })
const ledger = postgresLedger(pool, { schema })

async function ship(id: string): Promise<void> {
  for (;;) {
    try {
      const { status } = await ledger.ship(sale, id, { carrier: 'post', reference: id })
      console.log(JSON.stringify({ id, status } satisfies ShipperReport))
      return
    } catch (error) {
      if (!(error instanceof StockholdError) || !error.retryable) throw error
    }
  }
}

const rest = [...ids]
await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (let id = rest.shift(); id !== undefined; id = rest.shift()) await ship(id)
  }),
)
await sale.close()
await engine.close()
await pool.end()
