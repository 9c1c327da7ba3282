// An application server in a process of its own: a waiting room, a sale, a consumer and a follower
// of the ledger. It plays its own visitors, and writes each answer to a file when it has it. At the
// line `stop` no visitor comes any more, at the line `end` it closes everything.
import { appendFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { FlashSale, redisEngine, type SaleEvent, StockholdError, WaitingRoom } from '../../src/index.js'
import { postgresLedger } from '../../src/postgres.js'
import type { Record, ServerConfig, ServerWords } from './server.js'

/** What becomes of a reservation, by the last word of the buyer's name. */
const KINDS = ['keeps', 'pays', 'releases', 'webhook', 'present', 'returns'] as const

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

// No hold of a long drill expires.
const holdMs = 24 * 3_600_000
await persist(() => sale.create({ stock: { phone: 100_000 }, limitPerBuyer: 2, holdMs, partitions }))
await persist(() => room.create())
await persist(() => room.ready())
await ledger.migrate()
const follower = await ledger.follow(sale, { onError })
const options = { group: 'fulfilment', leaseMs: 2_000, maxAttempts: 10_000, maxRetryDelayMs: 1_000, onError }
const consumer = sale.consume(options, async (event) => {
  await handle(event).catch((error) => {
    onError(error)
    throw error
  })
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

/** One visitor after another. */
async function come(place: string): Promise<void> {
  for (let visit = 0; !stopped.signal.aborted; visit++) {
    const kind = KINDS[visit % KINDS.length]!
    const buyer = `${place}-${visit}-${kind}`
    const id = await buy(buyer)
    if (id === undefined) return
    write({ id, state: 'held' })
    if (kind === 'pays' || kind === 'returns') await persist(() => pay(id, buyer))
    if (kind !== 'releases') continue
    expectStatus('released', await persist(() => sale.release(id)))
    write({ id, state: 'released' })
  }
}

/**
 * Any process hears of any reservation, and goes on with it: also one that another version made.
 */
async function handle(event: SaleEvent | undefined): Promise<void> {
  // The first versions of layout 2 handed out nothing for a step of a stock count.
  if (!event?.reservation) return
  const { type, reservation } = event
  const { id, buyer } = reservation
  const kind = buyer.slice(buyer.lastIndexOf('-') + 1)
  if (type === 'reserved' && kind === 'webhook') await pay(id, buyer)
  if (type === 'reserved' && kind === 'present') {
    const given = expectStatus('transferred', await sale.transfer(id, { to: `${buyer}-friend` }))
    await pay(given.reservation.id, buyer)
    write({ id, state: 'confirmed' })
  }
  if (type === 'confirmed' && kind === 'returns') {
    expectStatus('refunded', await sale.refund(id, { restock: true }))
    write({ id, state: 'refunded' })
  }
  write({ handled: id, type })
}

async function pay(id: string, buyer: string): Promise<void> {
  const result = await sale.confirm(id, { paymentId: `p-${buyer}` })
  // The same payment again, of an order that came back meanwhile.
  if (result.status === 'refund_due' && result.reason === 'refunded') return
  expectStatus('confirmed', result)
  write({ id, state: 'confirmed' })
}

function expectStatus<S extends string, R extends { readonly status: string }>(status: S, result: R) {
  if (result.status !== status) fail(new Error(`${JSON.stringify(result)} in place of ${status}`))
  return result as Extract<R, { readonly status: S }>
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
    if (result.status === 'paused') await delay(PAUSE_MS)
    else if (result.status !== 'pass_rejected') throw new Error(`${buyer} was answered ${result.status}.`)
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

/** Of a consumer or follower, which goes on by itself. */
function onError(error: unknown): void {
  if (!(error instanceof StockholdError && PASSING.has(error.code))) fail(error)
}

function fail(error: unknown): void {
  console.error(error)
  process.exit(1)
}
