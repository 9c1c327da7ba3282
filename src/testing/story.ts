import type { Item } from '../sale/results.js'
import type { FastCheckModule } from './fast-check.js'

/** One request of a story, or a moment in which short holds expire. */
export type Step =
  | {
      readonly do: 'reserve'
      readonly buyer: string
      readonly items: readonly Item[]
      readonly key: string | undefined
      readonly holdMs: number
      /** In a story with households. @default the buyer's, as the story has it */
      readonly household?: string | undefined
    }
  /**
   * `which`: an index into the reservations made before this group, modulo their number. `restock`
   * is not read: stories that were written down earlier have it.
   */
  | { readonly do: 'confirm' | 'release'; readonly which: number; readonly restock?: boolean | undefined }
  /** With `items` a part of the order, which needs a `key`. */
  | {
      readonly do: 'refund'
      readonly which: number
      readonly restock: boolean
      readonly items?: readonly Item[] | undefined
      readonly key?: string | undefined
    }
  | { readonly do: 'amend'; readonly which: number; readonly items: readonly Item[] }
  | { readonly do: 'transfer'; readonly which: number; readonly to: string }
  | { readonly do: 'restock'; readonly sku: string; readonly quantity: number; readonly key: string }
  | { readonly do: 'setTotal'; readonly sku: string; readonly total: number; readonly key: string }
  | {
      readonly do: 'move'
      readonly from: string
      readonly to: string
      readonly quantity: number
      readonly key: string
    }
  | { readonly do: 'wait' }

/** The limit of households, and the household of each buyer. */
export interface Households {
  readonly limit: number
  readonly of: Readonly<Record<string, string>>
}

/** A small sale, and the requests to it. */
export interface Story {
  readonly stock: Readonly<Record<string, number>>
  /** How many units of each SKU a buyer may have. */
  readonly limit: number | undefined
  /** How many units of each SKU a household may have. Other buyers live alone. */
  readonly households?: Households | undefined
  /** By SKU: the SKU whose units its own become when they come back. */
  readonly returnsTo?: Readonly<Record<string, string>> | undefined
  /** Steps of one group are sent at the same time. */
  readonly groups: readonly (readonly Step[])[]
}

/**
 * The part of fast-check's module `fc` that is used here. Declared here, so that users without
 * fast-check do not need its types.
 */
export type FastCheck = Readonly<
  Record<
    'array' | 'boolean' | 'constant' | 'constantFrom' | 'integer' | 'nat' | 'oneof' | 'option' | 'record',
    (...args: never[]) => unknown
  >
>

const SKUS = ['a', 'b'] as const
const BUYERS = ['u1', 'u2', 'u3', 'u4'] as const

/**
 * The random steps that `checkNoOversell` plays, for model tests of your own.
 *
 * @example const steps = stepArbitrary<fc.Arbitrary<Step>>(fc)
 */
export function stepArbitrary<A>(fc: FastCheck): A {
  return steps(fc as unknown as FastCheckModule) as A
}

/**
 * The random stories that `checkNoOversell` plays: a few units, four competing buyers, alone or in
 * households, keys that repeat, holds that expire, units that come back as others.
 *
 * @example const stories = storyArbitrary<fc.Arbitrary<Story>>(fc)
 */
export function storyArbitrary<A>(fc: FastCheck): A {
  return stories(fc as unknown as FastCheckModule) as A
}

function steps(fc: FastCheckModule) {
  const buyer = fc.constantFrom(...BUYERS)
  const cart = carts(fc)
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('reserve' as const),
        buyer,
        items: cart,
        key: fc.option(fc.constantFrom('k1', 'k2', 'k3'), { nil: undefined }),
        holdMs: fc.constantFrom(5, 60_000, 60_000),
        household: fc.constantFrom(...Array<undefined>(8).fill(undefined), 'h1', 'h2'),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('confirm' as const, 'confirm' as const, 'release' as const),
        which: fc.nat(20),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('amend' as const), which: fc.nat(20), items: cart }),
    },
    { weight: 2, arbitrary: refunds(fc) },
    fc.record({ do: fc.constant('transfer' as const), which: fc.nat(20), to: buyer }),
    fc.record({
      do: fc.constant('restock' as const),
      sku: fc.constantFrom(...SKUS),
      quantity: fc.constantFrom(-3, -1, 1, 2),
      key: fc.constantFrom('r1', 'r2', 'r3'),
    }),
    fc.record({
      do: fc.constant('setTotal' as const),
      sku: fc.constantFrom(...SKUS),
      total: fc.nat(8),
      key: fc.constantFrom('c1', 'c2', 'c3'),
    }),
    fc.record({
      ...{ do: fc.constant('move' as const), from: fc.constant('a'), to: fc.constant('b') },
      ...{ quantity: fc.integer({ min: 1, max: 3 }), key: fc.constantFrom('m1', 'm2') },
    }),
    fc.record({ do: fc.constant('wait' as const) }),
  )
}

function carts(fc: FastCheckModule) {
  return fc.array(line(fc, 3), { minLength: 1, maxLength: 3 })
}

function line(fc: FastCheckModule, max: number) {
  return fc.record({ sku: fc.constantFrom(...SKUS), quantity: fc.integer({ min: 1, max }) })
}

/** Of whole orders, and of parts: small ones, which an order has. */
function refunds(fc: FastCheckModule) {
  const any = { do: fc.constant('refund' as const), which: fc.nat(20), restock: fc.boolean() }
  const key = fc.constantFrom('f1', 'f2')
  const items = line(fc, 1).map((part) => [part])
  return fc.oneof(fc.record(any), { weight: 2, arbitrary: fc.record({ ...any, items, key }) })
}

function households(fc: FastCheckModule) {
  const homes = Array.from(BUYERS, () => fc.constantFrom('h1', 'h1', 'h2'))
  return fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.tuple(...homes))
    .map(([limit, of]) => ({ limit, of: Object.fromEntries(BUYERS.map((buyer, i) => [buyer, of[i]!])) }))
}

export function stories(fc: FastCheckModule) {
  return fc.record({
    stock: fc.record({ a: fc.integer({ min: 0, max: 6 }), b: fc.integer({ min: 1, max: 6 }) }),
    limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    households: fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, households(fc)),
    returnsTo: fc.constantFrom(undefined, undefined, { a: 'b' }),
    groups: fc.array(fc.array(steps(fc), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 }),
  })
}
