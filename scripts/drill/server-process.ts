// An application server in a process of its own: a waiting room, a sale, a consumer and a follower
// of the ledger. It plays its own visitors, and writes each answer to a file when it has it. At the
// line `stop` no visitor comes any more, at the line `end` it closes everything.
import { appendFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { FlashSale, redisEngine, StockholdError, WaitingRoom } from '../../src/index.js'
import { postgresLedger } from '../../src/postgres.js'

export interface ServerConfig {
  readonly name: string
  readonly redis: string
  readonly postgres: string
  /** Where it writes what it has answered. */
  readonly file: string
  /** Visitors at a time. */
  readonly visitors: number
  readonly partitions: number
}

/** A line of the file. */
export type Record =
  | { readonly id: string; readonly state: 'held' | 'confirmed' }
  /** An event that its consumer has handled. */
  | { readonly handled: string; readonly type: string }
  /** An error that a visitor met. */
  | { readonly code: string }

/** A line of the standard output: it sells; no visitor is there any more. */
export type ServerWords = 'open' | 'stopped'

const { name, redis, postgres, file, visitors, partitions } = JSON.parse(process.argv[2]!) as ServerConfig

/** What is asked again, until the answer is another one. */
const PASSING = new Set(['UNAVAILABLE', 'UNKNOWN_OUTCOME', 'OVERLOADED', 'ROLLBACK_DETECTED', 'STATE_LOST'])
const PAUSE_MS = 50

const client = new Redis(redis, { retryStrategy: () => PAUSE_MS })
client.on('error', () => {})
const pool = new pg.Pool({ connectionString: postgres, max: 2 })
pool.on('error', () => {})
const engine = redisEngine(client)
const room = new WaitingRoom('launch', {
  ...{ engine, secret: 'the same in every process, 32 bytes', ratePerSecond: 20, sale: 'launch' },
})
const sale = new FlashSale('launch', { engine, waitingRoom: room })
const ledger = postgresLedger(pool)

const write = (record: Record) => appendFileSync(file, `${JSON.stringify(record)}\n`)
const say = (words: ServerWords) => console.log(JSON.stringify(words))
const stopped = new AbortController()

await persist(() => sale.create({ stock: { phone: 100_000 }, limitPerBuyer: 2, partitions }))
await persist(() => room.create())
await persist(() => room.ready())
await ledger.migrate()
const follower = await ledger.follow(sale)
const consumer = sale.consume({ group: 'fulfilment', leaseMs: 2_000 }, ({ type, reservation }) => {
  if (reservation) write({ handled: reservation.id, type })
})
consumer.closed.catch(fail)

const crowd = Promise.all(Array.from({ length: visitors }, (_, i) => come(`${name}-${i}`)))
crowd.catch(fail)
say('open')
const words = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
await words.next()
stopped.abort()
await crowd
say('stopped')
await words.next()
await consumer.close()
await follower.close()
await sale.close()
await room.close()
await engine.close()
client.disconnect()
await pool.end()
process.stdin.destroy()

/** One visitor after another: each buys a phone, and every other one pays. */
async function come(place: string): Promise<void> {
  for (let visit = 0; !stopped.signal.aborted; visit++) {
    const buyer = `${place}-${visit}`
    const id = await buy(buyer)
    if (id === undefined) return
    write({ id, state: 'held' })
    if (visit % 2 === 0) continue
    const { status } = await persist(() => sale.confirm(id, { paymentId: `p-${buyer}` }))
    if (status !== 'confirmed') throw new Error(`The payment of ${buyer} was answered ${status}.`)
    write({ id, state: 'confirmed' })
  }
}

/** Resolves with the reservation, or with `undefined` if the visitors are to stop. */
async function buy(buyer: string): Promise<string | undefined> {
  for (;;) {
    const pass = await persist(() => admitted(buyer))
    if (pass === undefined) return undefined
    const items = [{ sku: 'phone', quantity: 1 }]
    const result = await persist(() => sale.reserve({ buyer, items, key: 'order', pass }))
    if (result.status === 'reserved') return result.reservation.id
    // A room that Redis has taken back does not know every pass.
    if (result.status !== 'pass_rejected') throw new Error(`${buyer} was answered ${result.status}.`)
  }
}

async function admitted(buyer: string): Promise<string | undefined> {
  while (!stopped.signal.aborted) {
    const joined = await room.join(buyer)
    if (joined.status !== 'joined') throw new Error(`${buyer} was answered ${joined.status}.`)
    try {
      for await (const update of room.updates(joined.ticket, { signal: stopped.signal }))
        if (update.status === 'admitted') return update.pass
    } catch (error) {
      if (!(error instanceof StockholdError && error.code === 'TICKET_INVALID')) throw error
    }
  }
  return undefined
}

async function persist<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof StockholdError && PASSING.has(error.code))) throw error
      write({ code: error.code })
      await delay(PAUSE_MS)
    }
  }
}

function fail(error: unknown): void {
  console.error(error)
  process.exit(1)
}
