import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import {
  type AdmissionOptions,
  type ConsumeOptions,
  FlashSale,
  type FlashSaleOptions,
  memoryEngine,
  type RedisEngineOptions,
  type ReserveRequest,
  type RoomRules,
  redisEngine,
  type SaleRules,
  type SignalOption,
  WaitingRoom,
  type WaitingRoomOptions,
} from '../../../src/index.js'
import { type FollowOptions, type PostgresLedgerOptions, postgresLedger } from '../../../src/postgres.js'
import { checkNoOversell, faultyRedis, virtualEngine } from '../../../src/testing.js'

/** Every optional property of T, each given as `undefined`: the compiler asks for all of them. */
type AllUndefined<T> = {
  [K in keyof T as object extends Pick<T, K> ? K : never]-?: undefined extends T[K] ? undefined : never
}

const noSignal: AllUndefined<SignalOption> = { signal: undefined }
const rules: AllUndefined<SaleRules> = {
  limitPerBuyer: undefined,
  limitPerHousehold: undefined,
  limits: undefined,
  skus: undefined,
  holdMs: undefined,
  maxHoldMs: undefined,
  opensAt: undefined,
  closesAt: undefined,
  partitions: undefined,
  retainMs: undefined,
}
const saleOptions: AllUndefined<FlashSaleOptions> = {
  deadlineMs: undefined,
  maxInFlight: undefined,
  waitingRoom: undefined,
  durability: undefined,
}
const request: AllUndefined<ReserveRequest> = {
  key: undefined,
  holdMs: undefined,
  household: undefined,
  pass: undefined,
}
const consumer: AllUndefined<ConsumeOptions> = {
  name: undefined,
  concurrency: undefined,
  start: undefined,
  leaseMs: undefined,
  handlerTimeoutMs: undefined,
  maxAttempts: undefined,
  retryDelayMs: undefined,
  maxRetryDelayMs: undefined,
  maxParked: undefined,
  maxStreamLength: undefined,
  pollMs: undefined,
  onDeadLetter: undefined,
  onError: undefined,
  onWarning: undefined,
}
const room: AllUndefined<WaitingRoomOptions & AdmissionOptions> = {
  burst: undefined,
  claimMs: undefined,
  passMs: undefined,
  overcommit: undefined,
  maxActive: undefined,
  sale: undefined,
  onUnavailable: undefined,
  deadlineMs: undefined,
  maxInFlight: undefined,
}
const creation: AllUndefined<RoomRules> = { opensAt: undefined, order: undefined, tiers: undefined }

test('a sale takes every option as `undefined`, and does as if it had been left out', async () => {
  const { engine } = virtualEngine({ now: undefined })
  const open = (id: string, options: typeof saleOptions | object) => {
    const sale = new FlashSale(id, { engine, ...options })
    onTestFinished(() => sale.close())
    return sale
  }
  const told = open('told', saleOptions)
  const untold = open('untold', {})
  await told.create({ stock: { a: 3 }, ...rules }, noSignal)
  await untold.create({ stock: { a: 3 } })
  // Of the same rules: otherwise the second `create` is refused.
  expect(await told.create({ stock: { a: 3 } })).toMatchObject({ created: false })
  expect(await untold.create({ stock: { a: 3 }, ...rules })).toMatchObject({ created: false })

  const cart = { buyer: 'u-1', items: [{ sku: 'a', quantity: 1 }] }
  const answer = await told.reserve({ ...cart, ...request }, noSignal)
  const other = await untold.reserve(cart)
  if (answer.status !== 'reserved' || other.status !== 'reserved') return expect.fail(answer.status)
  expect(answer.reservation.expiresAt).toBe(other.reservation.expiresAt)
  const { id } = answer.reservation
  expect(await told.confirm(id, { buyer: undefined, paymentId: undefined, ...noSignal })).toMatchObject({
    status: 'confirmed',
  })
  expect(await told.release(id, { buyer: undefined, ...noSignal })).toMatchObject({
    status: 'already_confirmed',
  })
  expect(
    await told.recover(
      { from: 'accept', unfreeze: undefined, paused: undefined, everywhere: undefined },
      noSignal,
    ),
  ).toMatchObject({ restored: 0 })

  const seen: number[] = []
  const follower = told.consume({ group: 'g', ...consumer }, (event) => void seen.push(event.sequence))
  await follower.close({ timeoutMs: undefined })
})

test('a waiting room takes every option as `undefined`, and does as if it had been left out', async () => {
  const { engine } = virtualEngine()
  const required = { engine, ratePerSecond: 10, secret: 's'.repeat(32) }
  const told = new WaitingRoom('told', { ...required, ...room })
  const untold = new WaitingRoom('told', required)
  onTestFinished(() => Promise.all([told.close(), untold.close()]).then(() => {}))
  expect(await told.create(creation, noSignal)).toMatchObject({ created: true })
  expect(await untold.create()).toMatchObject({ created: false })
  await told.setRate(5, { burst: undefined, ...noSignal })
})

test('engines, ledgers and tools take every option as `undefined`', async () => {
  const client = new Redis({ lazyConnect: true })
  const options: AllUndefined<RedisEngineOptions> = {
    prefix: undefined,
    durability: undefined,
    onError: undefined,
    scripting: undefined,
    heartbeat: undefined,
  }
  redisEngine(client, options)
  memoryEngine({ now: undefined })
  const schema: AllUndefined<PostgresLedgerOptions> = { schema: undefined }
  const pool = {
    query: async () => ({ rows: [], rowCount: 0 }),
    connect: () => Promise.reject(new Error('no')),
  }
  const ledger = postgresLedger(pool, schema)
  const sale = new FlashSale('of-nothing', { engine: memoryEngine() })
  const follow: AllUndefined<FollowOptions> = {
    group: undefined,
    maxEvents: undefined,
    maxPauseMs: undefined,
    onError: undefined,
  }
  // Not of the options: there is no PostgreSQL.
  await expect(ledger.follow(sale, follow)).rejects.not.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(ledger.reconcile(sale, { repair: undefined, timeoutMs: undefined })).rejects.not.toMatchObject(
    {
      code: 'INVALID_ARGUMENT',
    },
  )
  await sale.close()

  const unset = { seed: undefined, onProgress: undefined, signal: undefined }
  expect(await checkNoOversell(() => memoryEngine(), { runs: 1, ...unset })).toMatchObject({ runs: 1 })
  const proxy = await faultyRedis('redis://127.0.0.1:1', { seed: undefined })
  onTestFinished(() => proxy.close())
  const scope = { commands: undefined, times: undefined, chance: undefined }
  proxy.dropRequests({ ...scope, connection: undefined })
  proxy.dropReplies({ ...scope, connection: undefined })
  proxy.cutReplies({ ...scope, bytes: undefined })
  proxy.trickle({ ...scope, direction: undefined })
  proxy.delay({ ...scope, ms: 1, jitterMs: undefined, direction: undefined })
})
