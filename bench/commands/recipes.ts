import type { Answer, Command, Op } from '../../src/engine/engine.js'
import { HOLD_MS, type Workbench } from './workbench.js'

/**
 * How one command is measured: what a call of it needs, and how to tell that the command was
 * carried out.
 */
export interface Recipe<C extends Command> {
  /** What is counted; the items of the batch unless it says otherwise. */
  readonly counts: string
  /** `false`: the answer is a page, whose size the engine chooses, so a call has one item. */
  readonly batches: boolean
  /** The items of the next call, on a state that is made for it. Not measured. */
  prepare(bench: Workbench, size: number): Promise<Op<C>[]> | Op<C>[]
  /** How much a call has done; `undefined` if an answer is wrong. */
  done(answers: readonly Answer<C>[], size: number): number | undefined
}

/** The commands of a sale of one partition. */
type Measured = Exclude<
  Command,
  | 'create'
  | 'describe'
  | 'rebuild'
  | 'update'
  | 'send'
  | 'receive'
  | 'transfers'
  | 'debt'
  | 'withhold'
  | 'move'
  | 'transfer'
  | 'arrive'
  | 'settle'
  | 'bind'
>

/** Counts the items if every answer holds. */
const each =
  <A>(holds: (answer: A) => boolean) =>
  (answers: readonly A[], size: number) =>
    answers.length === size && answers.every(holds) ? size : undefined

/** Reservations enough for a full page of either engine. */
const SOME = 2_000
const known = new WeakMap<Workbench, Promise<string[]>>()

/** Holds that are only read. */
function standing(bench: Workbench): Promise<string[]> {
  const made = known.get(bench) ?? bench.holds(SOME)
  known.set(bench, made)
  return made
}

export const recipes: { readonly [C in Measured]: Recipe<C> } = {
  reserve: {
    counts: 'reservations',
    batches: true,
    prepare: (bench, size) => bench.requests(size),
    done: each((answer) => answer.status === 'reserved' && !answer.replayed),
  },
  amend: {
    counts: 'holds amended',
    batches: true,
    prepare: async (bench, size) =>
      (await bench.holds(size)).map((id) => ({
        id,
        buyer: null,
        cart: [[0, 2]],
        mayTake: true,
        count: null,
      })),
    done: each((answer) => answer.status === 'amended'),
  },
  confirm: {
    counts: 'holds confirmed',
    batches: true,
    prepare: async (bench, size) =>
      (await bench.holds(size)).map((id) => ({ id, buyer: null, paymentId: 'payment-1', final: true })),
    done: each((answer) => answer.status === 'confirmed' && !answer.replayed && !answer.late),
  },
  release: {
    counts: 'holds released',
    batches: true,
    prepare: async (bench, size) => (await bench.holds(size)).map((id) => ({ id, buyer: null })),
    done: each((answer) => answer.status === 'released' && !answer.replayed),
  },
  extend: {
    counts: 'holds extended',
    batches: true,
    prepare: async (bench, size) => (await bench.holds(size)).map((id) => ({ id, holdMs: 2 * HOLD_MS })),
    done: each(
      (answer) =>
        answer.status === 'extended' &&
        answer.reservation.expiresAt >= answer.reservation.createdAt + 2 * HOLD_MS,
    ),
  },
  refund: {
    counts: 'payments refunded',
    batches: true,
    prepare: async (bench, size) => {
      const ids = await bench.holds(size)
      await bench.run(
        'confirm',
        ids.map((id) => ({ id, buyer: null, paymentId: null, final: true })),
      )
      return ids.map((id) => ({ id, restock: true }))
    },
    done: each((answer) => answer.status === 'refunded' && !answer.replayed),
  },
  get: {
    counts: 'reservations read by id',
    batches: true,
    prepare: async (bench, size) => {
      const ids = await standing(bench)
      const first = (bench.next() * size) % ids.length
      return Array.from({ length: size }, (_, i) => ({ id: ids[(first + i) % ids.length]! }))
    },
    done: each((answer) => answer.status === 'found'),
  },
  list: {
    counts: 'reservations read by their buyer',
    batches: true,
    prepare: async (bench, size) => {
      const ids = await standing(bench)
      const first = (bench.next() * size) % ids.length
      const some = Array.from({ length: size }, (_, i) => ids[(first + i) % ids.length]!)
      const found = await bench.run(
        'get',
        some.map((id) => ({ id })),
      )
      return found.map((answer) => {
        if (answer.status !== 'found') throw new Error(`get answered ${answer.status}`)
        const { id, buyer } = answer.reservation
        return { id, buyer, after: null, most: 1 }
      })
    },
    done: each((answer) => answer.status === 'listed' && answer.reservations.length === 1),
  },
  restock: {
    counts: 'restocks of one unit',
    batches: true,
    prepare: (bench, size) =>
      Array.from({ length: size }, () => ({
        sku: 0,
        quantity: 1,
        key: `delivery-${bench.next()}`,
        final: true,
      })),
    done: each((answer) => answer.status === 'restocked' && !answer.replayed && answer.applied === 1),
  },
  setTotal: {
    counts: 'stock counts',
    batches: true,
    prepare: (bench, size) =>
      Array.from({ length: size }, () => ({
        ...{ sku: 0, total: 1_000_000_000, key: `count-${bench.next()}`, countedAt: null },
        ...{ basis: { others: 0, own: null }, final: true, counted: null },
      })),
    done: each((answer) => answer.status === 'set' && !answer.replayed),
  },
  control: {
    counts: 'pauses and resumptions',
    batches: true,
    // In turns, so that each item changes the sale.
    prepare: (bench, size) =>
      Array.from({ length: size }, () => ({ action: bench.next() % 2 === 0 ? 'pause' : 'resume' })),
    done: each(({ status }) => status === 'paused' || status === 'open'),
  },
  stats: {
    counts: 'questions',
    batches: true,
    prepare: (_, size) => Array.from({ length: size }, () => ({})),
    done: each(({ status }) => status === 'open'),
  },
  sweep: {
    counts: 'expired holds released',
    batches: true,
    prepare: async (bench, size) => {
      await bench.holds(size, 1)
      await bench.wait(2)
      return [{}]
    },
    // There are no other holds: after all are released there is no next expiry.
    done: ([answer], size) => (answer?.status === 'swept' && answer.next === null ? size : undefined),
  },
  scan: {
    counts: 'reservations in a page',
    batches: false,
    prepare: async (bench) => {
      await standing(bench)
      return [{ cursor: '0' }]
    },
    done: ([answer]) => answer?.reservations.length || undefined,
  },
  events: {
    counts: 'events in a page',
    batches: false,
    prepare: async (bench) => {
      await standing(bench)
      return [{ after: 0, reservations: false }]
    },
    done: ([answer]) => answer?.events.length || undefined,
  },
}
