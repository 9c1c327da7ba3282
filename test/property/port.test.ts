import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answer, Command, Op, Partition, Rules } from '../../src/engine/engine.js'
import { type EngineKind, engineKinds, type TimedEngine } from '../support/engines.js'
import { seeded } from '../support/seeds.js'

type Item = { [C in Changing]: { readonly command: C; readonly op: Op<C> } }[Changing]
type Changing = 'reserve' | 'confirm' | 'release' | 'extend' | 'refund' | 'restock' | 'control'

const rules = (limit: number | null): Rules => ({
  skus: [
    { sku: 'a', stock: 4, limit },
    { sku: 'b', stock: 2, limit: null },
  ],
  holdMs: 100,
  maxHoldMs: 300,
  opensAt: null,
  closesAt: null,
  partitions: 1,
})

/**
 * Ids of few buckets, several nonces in each, so that requests meet. A buyer's reservations lie in
 * one bucket.
 */
const reservations = ['A', 'B'].flatMap((bucket) =>
  Array.from({ length: 6 }, (_, nonce) => ({
    id: `1AA${bucket.repeat(8)}${'C'.repeat(7)}${nonce}`,
    buyer: `buyer ${bucket}${nonce % 2}`,
  })),
)
const ids = fc.constantFrom(...reservations)
const carts: readonly Op<'reserve'>['cart'][] = [
  [[0, 1]],
  [[0, 2]],
  [[1, 1]],
  [
    [0, 1],
    [1, 1],
  ],
]
/** What each id was made for: an id that comes again is the same request again. */
const requests: fc.Arbitrary<Op<'reserve'>[]> = fc.tuple(
  ...reservations.map((own) =>
    fc.record({
      id: fc.constant(own.id),
      buyer: fc.constant(own.buyer),
      cart: fc.constantFrom(...carts),
      key: fc.constantFrom(null, null, 'k1', 'k2'),
      holdMs: fc.constantFrom(100, 60),
    }),
  ),
)
const reserve: fc.Arbitrary<Item> = ids.map(({ id, buyer }) => ({
  command: 'reserve',
  op: { id, buyer, cart: [], key: null, holdMs: 1 },
}))
const item: fc.Arbitrary<Item> = fc.oneof(
  { arbitrary: reserve, weight: 5 },
  {
    arbitrary: fc.tuple(ids, fc.constantFrom(null, 'p1')).map(
      ([{ id }, paymentId]): Item => ({
        command: 'confirm',
        op: { id, buyer: null, paymentId, final: true },
      }),
    ),
    weight: 3,
  },
  ids.map(({ id }): Item => ({ command: 'release', op: { id, buyer: null } })),
  ids.map(({ id }): Item => ({ command: 'extend', op: { id, holdMs: 200 } })),
  fc.tuple(ids, fc.boolean()).map(([{ id }, restock]): Item => ({ command: 'refund', op: { id, restock } })),
  fc
    .tuple(fc.constantFrom(-3, -1, 2), fc.constantFrom('s1', 's2', 's3'))
    .map(([quantity, key]): Item => ({ command: 'restock', op: { sku: 0, quantity, key, final: true } })),
  fc
    .constantFrom<'pause' | 'resume'>('pause', 'resume', 'resume')
    .map((action): Item => ({ command: 'control', op: { action } })),
)

/** One command's batch, how often it is delivered, and how much later the next one comes. */
interface Batch {
  readonly command: Changing
  readonly ops: readonly Op<Changing>[]
  readonly deliveries: number
  readonly pause: number
}

const groups = fc.array(
  fc.record({
    items: fc.array(item, { minLength: 1, maxLength: 12 }),
    deliveries: fc.integer({ min: 1, max: 3 }),
    pause: fc.constantFrom(0, 0, 30, 60, 100),
  }),
  { minLength: 1, maxLength: 12 },
)

const batches: fc.Arbitrary<Batch[]> = fc.tuple(requests, groups).map(([asked, sent]) =>
  sent.flatMap(({ items, deliveries, pause }) =>
    [...new Set(items.map(({ command }) => command))].map((command) => ({
      command,
      ops: items
        .filter((each) => each.command === command)
        .map(({ op }) => (command === 'reserve' ? asked.find(({ id }) => 'id' in op && op.id === id)! : op)),
      deliveries,
      pause,
    })),
  ),
)

const CALL = { deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }

async function ask<C extends Command>(partition: Partition, command: C, ops: readonly Op<C>[]) {
  const reply = await partition.run(command, ops, {
    ...CALL,
    incarnation: command === 'create' ? null : 'token',
  })
  if (reply.outcome !== 'done') throw new Error(`${command}: ${reply.outcome}`)
  return reply.answers
}

async function open(
  kind: EngineKind,
  limit: number | null,
): Promise<{ timed: TimedEngine; partition: Partition }> {
  const timed = await kind.make()
  const partition = timed.engine.partition('s', 0, 1)
  await partition.ready()
  await ask(partition, 'create', [{ rules: rules(limit), incarnation: 'token', complete: true }])
  return { timed, partition }
}

/** Counts, and every reservation by id; swept, so that nothing depends on who swept what when. */
async function endState(partition: Partition) {
  const [stats] = await ask(partition, 'stats', [{}])
  const [page] = await ask(partition, 'scan', [{ cursor: '0' }])
  const reservations = Object.fromEntries(page!.reservations.map((each) => [each.id, each]))
  return { stats, skus: page!.skus, reservations }
}

/**
 * What must be said again, whatever its neighbours in the batch have done in the meantime: all that
 * was decided for good. A refusal may read otherwise (fewer units, a key that is taken now), a
 * pause and a resume take turns. The reservation is as it is now: the id of a payment that was
 * first reported without one may have come since.
 */
function lasting(command: Changing, answers: readonly Answer<Changing>[], first = answers) {
  const refusals = ['sold_out', 'limit_exceeded', 'paused', 'ended', 'not_started']
  if (command === 'control') return []
  // A repeat says that it is one; it says nothing else that is new.
  return answers
    .map((answer, i) => ({ ...withPaymentOf(answer, first[i]!), replayed: undefined }))
    .filter((_, i) => !refusals.includes(first[i]!.status))
}

function withPaymentOf(answer: Answer<Changing>, first: Answer<Changing>): Answer<Changing> {
  if (!('reservation' in answer && 'reservation' in first)) return answer
  if (first.reservation.paymentId !== null) return answer
  return { ...answer, reservation: { ...answer.reservation, paymentId: null } }
}

for (const kind of engineKinds()) {
  describe(kind.name, () => {
    beforeAll(kind.start)
    afterAll(kind.stop)

    test('a batch that is delivered again answers the same and changes nothing', async () => {
      await fc.assert(
        fc.asyncProperty(batches, fc.constantFrom(null, 2), async (sent, limit) => {
          const [once, often] = await Promise.all([open(kind, limit), open(kind, limit)])
          for (const { command, ops, deliveries, pause } of sent) {
            const first = await ask(once.partition, command, ops)
            expect(await ask(often.partition, command, ops)).toEqual(first)
            for (let i = 1; i < deliveries; i++) {
              const again = await ask(often.partition, command, ops)
              expect(lasting(command, again, first)).toEqual(lasting(command, first))
            }
            expect(await endState(often.partition)).toEqual(await endState(once.partition))
            await Promise.all([once.timed.advance(pause), often.timed.advance(pause)])
          }
        }),
        seeded(60),
      )
    })

    test('a batch answers like its items one by one', async () => {
      await fc.assert(
        fc.asyncProperty(batches, fc.constantFrom(null, 2), async (sent, limit) => {
          const [together, apart] = await Promise.all([open(kind, limit), open(kind, limit)])
          for (const { command, ops, pause } of sent) {
            const answers = await ask(together.partition, command, ops)
            const alone = []
            for (const op of ops) alone.push(...(await ask(apart.partition, command, [op])))
            expect(answers).toEqual(alone)
            await Promise.all([together.timed.advance(pause), apart.timed.advance(pause)])
          }
          expect(await endState(together.partition)).toEqual(await endState(apart.partition))
        }),
        seeded(60),
      )
    })

    test('more expired holds than one call sweeps: retry changes nothing, and no unit is stranded', async () => {
      const many = 6_000
      const { timed, partition } = await open(kind, null)
      await ask(partition, 'restock', [{ sku: 0, quantity: many, key: 'more', final: true }])
      const holds = Array.from({ length: many }, (_, i) => ({
        id: `1AA${i.toString(36).padStart(8, 'A')}CCCCCCCC`,
        ...{ buyer: `b${i}`, cart: [[0, 1]] as const, key: null, holdMs: 50 },
      }))
      for (let from = 0; from < many; from += 250)
        await ask(partition, 'reserve', holds.slice(from, from + 250))
      await timed.advance(50)
      const paid = { id: holds[many - 1]!.id, buyer: null, paymentId: 'late', final: true }
      const want = { ...holds[0]!, id: `1AA${'Z'.repeat(16)}`, cart: [[0, many + 4]] as const }
      const unpaid = await ask(partition, 'get', [paid])
      let retries = 0
      let [answer] = await ask(partition, 'reserve', [want])
      for (; answer!.status === 'retry'; retries++) {
        expect(await ask(partition, 'get', [paid])).toEqual(unpaid)
        ;[answer] = await ask(partition, 'reserve', [want])
      }
      expect(answer!.status).toBe('reserved')
      // The memory engine sweeps without a bound.
      expect(retries > 0).toBe(kind.name === 'redis')
      await timed.advance(50)
      expect(await ask(partition, 'confirm', [paid])).toMatchObject([{ status: 'confirmed', late: true }])
    })

    test('a late payment that is not decided yet is not kept', async () => {
      const many = 5_000
      const { timed, partition } = await open(kind, null)
      await ask(partition, 'restock', [{ sku: 1, quantity: many - 2, key: 'more', final: true }])
      const holds = Array.from({ length: many }, (_, i) => ({
        id: `1AA${i.toString(36).padStart(8, 'A')}CCCCCCCC`,
        ...{ buyer: `b${i}`, cart: [[1, 1]] as const, key: null, holdMs: 50 },
      }))
      // Paid for later: it wants every unit there is.
      const big = { ...holds[0]!, id: `1AA${'Z'.repeat(16)}`, cart: [[1, many]] as const, holdMs: 10 }
      await ask(partition, 'reserve', [big])
      await timed.advance(10)
      for (let from = 0; from < many; from += 250)
        await ask(partition, 'reserve', holds.slice(from, from + 250))
      await timed.advance(50)
      const paid = { id: big.id, buyer: null, paymentId: 'p', final: true }
      const before = await ask(partition, 'get', [paid])
      let [answer] = await ask(partition, 'confirm', [paid])
      while (answer!.status === 'retry') {
        expect(await ask(partition, 'get', [paid])).toEqual(before)
        ;[answer] = await ask(partition, 'confirm', [paid])
      }
      expect(answer).toMatchObject({ status: 'confirmed', late: true })
    })
  })
}
