import fc from 'fast-check'
import type { Op } from '../../src/engine/engine.js'
import { START } from '../support/engines.js'
import { idAt } from '../support/port-sale.js'

export const PARTITIONS = 3
/** What a story asks for in each partition. */
export const REQUESTS = 8
export const STOCK = { a: 12, b: 4, c: 1 }

/** One batch at one partition. */
export type PartitionStep = {
  readonly at: number
  /** Before the batch, in ms. */
  readonly advance: number
  readonly late: boolean
  readonly bypassFreeze: boolean
} & (
  | { readonly command: 'reserve' | 'release' | 'extend'; readonly places: readonly number[] }
  | { readonly command: 'confirm'; readonly payments: readonly Paying[] }
  | { readonly command: 'amend'; readonly amends: readonly Amending[] }
  | { readonly command: 'refund'; readonly refunds: readonly Refunding[] }
  | { readonly command: 'restock'; readonly restocks: readonly Op<'restock'>[] }
  | { readonly command: 'move'; readonly moves: readonly Op<'move'>[] }
  | { readonly command: 'setTotal'; readonly counts: readonly Op<'setTotal'>[] }
  | { readonly command: 'debt'; readonly skus: readonly number[] }
  | { readonly command: 'withhold'; readonly claims: readonly Claiming[] }
  | { readonly command: 'control'; readonly actions: readonly Op<'control'>['action'][] }
  | { readonly command: 'send'; readonly sends: readonly Sending[] }
  | { readonly command: 'receive'; readonly receipts: readonly { from: number; age: number }[] }
  | Giving
  | { readonly command: 'arrive'; readonly ages: readonly number[] }
  | { readonly command: 'settle'; readonly ends: readonly { age: number; isLatest: boolean }[] }
  | { readonly command: 'stats' | 'sweep' | 'transfers' }
  /** Comes from who has seen what never happened here. */
  | { readonly command: 'freeze' }
)

interface Paying {
  readonly place: number
  readonly paymentId: string
  readonly final: boolean
}

/** Reservations are given to a buyer. */
export interface Giving {
  readonly command: 'transfer'
  /** `null`: the buyer of what was made or came there last. */
  readonly receiver: string | null
  /** By how much the receiver's partition is further. */
  readonly to: number
  readonly from: string | null
  /** Of those that were made or came here, the latest first; in a recovery, places. */
  readonly ages: readonly number[]
  /** Of a recovery that knows the records. */
  readonly areKnown: boolean
}

export interface Refunding {
  readonly place: number
  readonly restock: boolean
  readonly key?: string | undefined
  readonly cart?: Op<'refund'>['cart']
}

interface Claiming {
  readonly sku: number
  readonly units: number
  /** How many units fewer the caller has read than partition 0 has sent. */
  readonly short: number
}

interface Amending {
  readonly place: number
  readonly cart: Op<'amend'>['cart']
  readonly mayTake: boolean
  /** Of a recovery. */
  readonly count: number | null
}

/**
 * Partitions are meant by how much further they are; what was told by how many times it was told
 * since.
 */
interface Sending {
  readonly to: number
  readonly wants: Op<'send'>['wants']
  readonly age: number
  /** Units of the first SKU that the other says it has beyond what was sent. */
  readonly beyond: number
}

export interface PartitionStory {
  readonly limit: number | null
  /** Where units of the first SKU return to. */
  readonly returnsTo: number | undefined
  /** What each reservation asks for; the same in every partition. */
  readonly requests: readonly Op<'reserve'>[]
  readonly steps: readonly PartitionStep[]
}

const carts: readonly Op<'reserve'>['cart'][] = [
  [[0, 1]],
  [[0, 2]],
  [[1, 1]],
  [
    [0, 1],
    [1, 1],
    [2, 1],
  ],
]

/** Few buckets with several reservations each, so that requests meet. */
const requests: fc.Arbitrary<Op<'reserve'>[]> = fc.tuple(
  ...['A', 'B'].flatMap((bucket) =>
    Array.from({ length: 4 }, (_, number) =>
      fc.record({
        id: fc.constant(idAt(0, bucket, number)),
        buyer: fc.constant(`buyer ${bucket}${number % 2}`),
        cart: fc.constantFrom(...carts),
        key: fc.constantFrom(null, null, 'k1', 'k2'),
        holdMs: fc.constantFrom(600, 600, 60),
        changes: fc.constantFrom(
          ...Array(4).fill(undefined),
          { first: carts[1]!, count: 2 },
          { first: carts[0]!, count: 3, ordered: { cart: carts.at(-1)!, count: 1 } },
        ),
      }),
    ),
  ),
)

/** What the requests make, and the two that were made or came to the partition last. */
const place = fc.oneof(fc.nat(REQUESTS - 1), fc.integer({ min: REQUESTS, max: REQUESTS + 1 }))
const places = (each: fc.Arbitrary<number>) => fc.array(each, { minLength: 1, maxLength: 8 })
const receiver = fc.constantFrom('A0', 'B1', null, null, null)
const anywhere = fc.nat(PARTITIONS - 1)
const other = fc.constantFrom(1, 2)
const sku = fc.constantFrom(0, 0, 1, 2)
const age = fc.constantFrom(0, 0, 0, 1, 2)
const wants = fc
  .tuple(...Object.keys(STOCK).map(() => fc.constantFrom(0, 0, 1, 2, 5)))
  .map((all) => all.map((quantity, sku) => [sku, quantity] as const).filter(([, quantity]) => quantity > 0))

const some = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: 1, maxLength: 4 })
const command = <C extends string>(name: C) => fc.constant(name)

const batch = fc.oneof(
  {
    arbitrary: fc.record({
      ...{ at: anywhere, command: command('reserve') },
      places: places(fc.nat(REQUESTS - 1)),
    }),
    weight: 12,
  },
  {
    arbitrary: fc.record({ command: fc.constantFrom('release' as const, 'extend'), places: places(place) }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      command: command('confirm'),
      payments: some(fc.record({ place, paymentId: fc.constantFrom('p', 'p', 'q'), final: fc.boolean() })),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      command: command('amend'),
      amends: some(
        fc.record({
          place,
          cart: fc.constantFrom(...carts),
          mayTake: fc.constantFrom(true, true, true, false),
          count: fc.constantFrom(null, null, null, null, 1, 2, 4),
        }),
      ),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      command: command('refund'),
      refunds: some(
        fc.oneof(
          fc.record({ place, restock: fc.boolean() }),
          fc.record({ place, restock: fc.boolean(), key: fc.constantFrom('f1', 'f2', 'f3') }),
          fc.record({
            ...{ place, restock: fc.boolean(), cart: fc.constantFrom(...carts) },
            key: fc.constantFrom('f1', 'f2', 'f3'),
          }),
        ),
      ),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      command: command('restock'),
      restocks: some(
        fc.record({
          sku: fc.constantFrom(0, 1),
          quantity: fc.constantFrom(-5, -1, 2),
          key: fc.constantFrom('s1', 's2', 's3', 's4'),
          final: fc.boolean(),
        }),
      ),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      command: command('move'),
      moves: some(
        fc.record({
          ...{ from: fc.constant(0), to: fc.constantFrom(1, 2), quantity: fc.constantFrom(1, 3) },
          ...{
            key: fc.constantFrom('m1', 'm2', 'm3'),
            final: fc.boolean(),
            atMost: fc.constantFrom(null, 1),
          },
        }),
      ),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      ...{ at: fc.constant(0), command: command('setTotal') },
      counts: some(
        fc.record({
          ...{ sku, total: fc.constantFrom(0, 1, 4, 9), key: fc.constantFrom('c1', 'c2', 'c3', 'c4', 'c5') },
          ...{ countedAt: fc.constantFrom(null, null, START, START + 90), final: fc.boolean() },
          basis: fc.constantFrom(
            null,
            { others: 1, own: null },
            { others: 4, own: null },
            { others: 2, own: 3 },
          ),
          counted: fc.constant(null),
        }),
      ),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      ...{ at: fc.constantFrom(1, 2), command: command('withhold') },
      claims: some(
        fc.record({ sku, units: fc.constantFrom(0, 1, 2, 5), short: fc.constantFrom(0, 0, 0, 1) }),
      ),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({ at: fc.constant(0), command: command('debt'), skus: some(sku) }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      command: command('control'),
      actions: some(fc.constantFrom('pause', 'resume', 'resume', 'unfreeze', 'advance')),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      command: command('send'),
      sends: some(fc.record({ to: other, wants, age, beyond: fc.constantFrom(...Array(25).fill(0), 1, 3) })),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      command: command('receive'),
      receipts: some(fc.record({ from: other, age })),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      ...{ at: anywhere, command: command('transfer'), receiver, to: fc.constantFrom(0, 1, 1, 2, 2) },
      ...{ from: fc.constantFrom(null, null, null, null, 'A0'), areKnown: fc.boolean() },
      ages: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 1 }),
    }),
    weight: 10,
  },
  {
    arbitrary: fc.record({
      ...{ at: anywhere, command: command('arrive') },
      ages: some(age),
    }),
    weight: 5,
  },
  {
    arbitrary: fc.record({
      command: command('settle'),
      ends: some(fc.record({ age, isLatest: fc.boolean() })),
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ command: fc.constantFrom('stats', 'sweep', 'transfers') }), weight: 1 },
  { arbitrary: fc.record({ command: fc.constantFrom(...Array(5).fill('stats'), 'freeze') }), weight: 1 },
)

const step = fc
  .tuple(
    fc.record({
      // Most happens at one of them.
      at: fc.constantFrom(0, 0, 0, 0, 1, 2),
      advance: fc.constantFrom(0, 0, 0, 0, 0, 30, 60, 100),
      late: fc.constantFrom(...Array(14).fill(false), true),
      bypassFreeze: fc.constantFrom(...Array(4).fill(false), true),
    }),
    batch,
  )
  .map(([shared, own]) => ({ ...shared, ...own }) as PartitionStep)

export const partitionStories: fc.Arbitrary<PartitionStory> = fc
  .record({
    limit: fc.constantFrom(null, 1, 2, 2),
    returnsTo: fc.constantFrom(undefined, 1),
    requests,
    steps: fc.array(step, { minLength: 20, maxLength: 50 }),
  })
  .map((story) => ({
    ...story,
    toString: () =>
      [
        `limit ${story.limit}`,
        ...story.requests.map((request) => JSON.stringify(request)),
        ...story.steps.map((each, i) => `${i + 1}. ${JSON.stringify(each)}`),
      ].join('\n'),
  }))
