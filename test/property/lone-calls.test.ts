import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Command, Op } from '../../src/engine/engine.js'
import { partitionKeys } from '../../src/redis-engine/keys.js'
import { type AlteredMaker, alteredMaker } from '../support/altered-kind.js'
import type { Alteration } from '../support/altered-scripts.js'
import { contentsOf } from '../support/contents.js'
import { redisKind, type TimedEngine } from '../support/engines.js'
import { idAt, openPort, type PortPartition, rulesOf } from '../support/port-sale.js'
import { seeded } from '../support/seeds.js'

/**
 * A reservation that is alone in its call, and such a payment, have scripts of their own for the
 * common case. Here they are compared with the general scripts, which is what is left when the
 * others are switched off.
 */
const ALL_GENERAL: readonly Alteration[] = [
  {
    find: 'local answer = reserve_alone(call[4], call[5], call[6], call[7], call[8], call[9])',
    replace: 'local answer',
  },
  { find: 'local answer = confirm_alone(call[4][1], call[5][1], call[6][1])', replace: 'local answer' },
]

const BUYERS = ['u', 'v', 'w'] as const
const HOLD_MS = 1_000
const STOCK = { a: 6, b: 3, c: 9 }

type Step =
  | {
      readonly buy: {
        buyer: string
        bucket: string
        cart: [number, number][]
        key: string | null
        holdMs: number | null
        pass: boolean
      }
    }
  | {
      readonly ask: 'confirm' | 'release' | 'extend' | 'refund' | 'get'
      which: number
      buyer: string | null
      paymentId: string | null
    }
  | { readonly act: 'pause' | 'resume' }
  | {
      readonly update: {
        limit: number | null
        shares: boolean
        closes: boolean
        holdMs: number
        maxHoldMs: number
      }
    }
  | { readonly late: 'reserve' | 'confirm'; which: number }
  | { readonly pass: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      buy: fc.record({
        buyer: fc.constantFrom(...BUYERS),
        bucket: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
        cart: fc.constantFrom<[number, number][]>(
          [[0, 1]],
          [[0, 2]],
          [[1, 1]],
          [
            [0, 1],
            [1, 1],
          ],
          [[2, 3]],
        ),
        key: fc.constantFrom(null, null, 'k', 'l'),
        holdMs: fc.constantFrom(null, HOLD_MS, HOLD_MS, 300),
        pass: fc.constantFrom(true, true, true, true, true, true, false),
      }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      ask: fc.constantFrom('confirm', 'confirm', 'confirm', 'release', 'extend', 'refund', 'get'),
      which: fc.nat({ max: 12 }),
      buyer: fc.constantFrom(null, null, ...BUYERS),
      paymentId: fc.constantFrom(null, 'p', 'q'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      update: fc.record({
        limit: fc.constantFrom(null, 1, 2, 3),
        shares: fc.constantFrom(false, false, true),
        closes: fc.constantFrom(false, false, true),
        holdMs: fc.constantFrom(HOLD_MS, 400),
        maxHoldMs: fc.constantFrom(999, 10_000),
      }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('pause', 'resume') }) },
  {
    weight: 1,
    arbitrary: fc.record({ late: fc.constantFrom('reserve', 'confirm'), which: fc.nat({ max: 12 }) }),
  },
  { weight: 2, arbitrary: fc.constantFrom(1, 299, 300, HOLD_MS - 1, HOLD_MS).map((pass) => ({ pass })) },
)
const steps = fc.array(step, { minLength: 10, maxLength: 30 })

/** Plays a story, one item a call, and returns all replies. */
async function play(
  timed: TimedEngine,
  partition: PortPartition,
  story: readonly Step[],
): Promise<unknown[]> {
  const ids: { id: string; buyer: string }[] = []
  const replies: unknown[] = []
  let calls = 0
  let revision = 0
  const run = async <C extends Command>(command: C, op: Op<C>, deadline = Number.MAX_SAFE_INTEGER) =>
    void replies.push(await partition.run(command, [op], { batchId: `batch ${++calls}`, deadline }))
  const named = (which: number) => ids[which % Math.max(ids.length, 1)] ?? { id: idAt(0, 'none'), buyer: 'u' }
  for (const one of story) {
    if ('buy' in one) {
      const { bucket, ...rest } = one.buy
      const id = idAt(0, bucket, ids.length + 1)
      ids.push({ id, buyer: rest.buyer })
      await run('reserve', { id, ...rest })
    } else if ('ask' in one) {
      const { ask, which, ...rest } = one
      const op = { ...rest, id: named(which).id, final: true, holdMs: 2_000, restock: true }
      await run(ask, op as never)
    } else if ('act' in one) await run('control', { action: one.act })
    else if ('update' in one) {
      const limits = one.update.shares ? { limits: [{ skus: [0, 2], perBuyer: 2 }] } : {}
      const plain = rulesOf({ stock: STOCK, ...one.update })
      const [a, ...others] = plain.skus
      const closed = one.update.closes ? { closesAt: timed.now() } : {}
      const rules = { ...plain, skus: [{ ...a!, ...closed }, ...others], ...limits }
      await run('update', { revision: ++revision, after: null, rules, changes: {}, everywhere: true })
    } else if ('late' in one) {
      const id = one.late === 'reserve' ? idAt(0, 'late', calls) : named(one.which).id
      const op = { id, buyer: 'u', cart: [[0, 1]], key: null, holdMs: HOLD_MS, paymentId: null, final: true }
      await run(one.late, op as never, 1)
    } else await timed.advance(one.pass)
  }
  return replies
}

/** All keys of the sale, byte for byte. */
async function contents(client: Redis, prefix: string): Promise<unknown[]> {
  const keys = partitionKeys(prefix, 'sale', 0, 1)
  return Promise.all(keys.map((key) => client.callBuffer(...contentsOf(key))))
}

describe('what is alone in its call', () => {
  const redis = redisKind()
  const makers: AlteredMaker[] = []
  let client: Redis
  beforeAll(async () => {
    await redis.start()
    client = new Redis(redis.server().socket)
    makers.push(alteredMaker(redis.server().socket, ALL_GENERAL))
  })
  afterAll(async () => {
    for (const maker of makers) maker.stop()
    client.disconnect()
    await redis.stop()
  })

  const sameAsGeneral = (make: () => Promise<TimedEngine>) =>
    fc.asyncProperty(steps, async (story) => {
      const played = async (timed: TimedEngine) => {
        const [partition] = await openPort(timed, { stock: STOCK, limit: 2, holdMs: HOLD_MS })
        const replies = await play(timed, partition!, story)
        return { replies, contents: await contents(client, timed.prefix!) }
      }
      const [alone, general] = [await played(await make()), await played(await makers[0]!.make())]
      expect(alone).toEqual(general)
    })

  test('is answered and stored as if it were one of many', async () => {
    await fc.assert(sameAsGeneral(redis.make), seeded(150))
    expect(makers[0]!.runs()).toBeGreaterThan(100)
  })

  const injected: readonly (readonly [name: string, find: string, replace: string])[] = [
    ['a buyer loses what they have', "if redis.call('HGET', BUCKETS, bucket) then return end", ''],
    ['the last unit is not told', 'if available <= quantity or', 'if available < quantity or'],
    ['the limit is passed', 'or (limit >= 0 and quantity > limit) then', 'then'],
    ['a limit over several SKUs is passed', "or shared ~= '' or", 'or'],
    ['the times of a SKU are ignored', "own_rules ~= '' or (limit", '(limit'],
    [
      'the limit is one too low',
      'quantity > limit) then return end',
      'quantity >= limit) then return { 1 } end',
    ],
    ['what has expired waits', 'if due > 0 or not (', 'if not ('],
    ['a paused sale sells', "sale_state() ~= 'O'", 'false'],
    ['a late call reserves', 'if more or late or', 'if more or'],
    ['only the first line is taken', 'if more or late', 'if late'],
    ['a hold of another length is forgotten', 'hold == holdMs and 0 or hold', '0'],
    [
      'a hold expires a moment later',
      "string.format('%d/%d', sequence + 1, now + hold)",
      "string.format('%d/%d', sequence + 1, now + hold + 1)",
    ],
    [
      'the first hold of the sale is taken',
      'hold = own_hold == 0 and defaultHoldMs',
      'hold = own_hold == 0 and holdMs',
    ],
    ['a hold may last too long', 'if own_hold > maxHoldMs or', 'if'],
    ['no pass is needed', 'or without_pass == 1 or', 'or'],
    ['expiries are not counted', 'expiryCount = expiryCount + 1\n  write', 'write'],
    ['buckets are not counted', 'bucketCount = bucketCount + redis.call', 'local _ = redis.call'],
    ['a payment comes late and counts', 'local record = not late and', 'local record ='],
    ['another buyer pays', "or (buyer ~= '' and buyer ~= owner) then", 'then'],
    ['another reservation is paid', 'or own ~= nonce or', 'or'],
    ['what is no hold is paid', 'or state ~= IS_HELD or', 'or'],
    ['a payment of several reservations is for the first', 'if following >= 0 or', 'if'],
    ['an expired hold is confirmed', 'if more or now >= epoch', 'if more or now > epoch'],
    ['a payment id is forgotten', 'if payment == paid then', 'if true then'],
    ['the units stay held', 'cmsgpack.pack(available, held - quantity,', 'cmsgpack.pack(available, held,'],
    ['the batch is not remembered', 'latest_batch_id = batch_id\n  redis', 'redis'],
  ]
  test.each(injected)('is found out by it: %s', async (_name, find, replace) => {
    const maker = alteredMaker(redis.server().socket, [{ find, replace }])
    onTestFinished(maker.stop)
    const { failed } = await fc.check(sameAsGeneral(maker.make), {
      seed: 7,
      numRuns: 400,
      endOnFailure: true,
    })
    expect(maker.runs()).toBeGreaterThan(0)
    expect(failed).toBe(true)
  })
})
