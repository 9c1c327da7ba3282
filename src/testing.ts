import fc from 'fast-check'
import { checkInteger } from './check.js'
import type { Engine } from './engine/engine.js'
import { invalid } from './errors.js'
import { FlashSale } from './sale/flash-sale.js'
import type { Reservation } from './sale/results.js'
import { Shop, type Step } from './testing/shop.js'

export interface CheckOptions {
  /** Random stories to play. @default 200 */
  runs?: number
  /** Repeats the stories of an earlier run. @default a fresh one */
  seed?: number
}

export interface CheckReport {
  readonly runs: number
  /** Requests sent in all of them. */
  readonly commands: number
  readonly seed: number
}

export {
  type Direction,
  type DropScope,
  type Fault,
  type FaultScope,
  type FaultyRedis,
  faultyRedis,
} from './testing/faulty-redis.js'
export type { Engine, Reservation }

const SKUS = ['a', 'b'] as const

const cart = fc.array(
  fc.record({ sku: fc.constantFrom(...SKUS), quantity: fc.integer({ min: 1, max: 3 }) }),
  { minLength: 1, maxLength: 3 },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      buyer: fc.constantFrom('u1', 'u2', 'u3', 'u4'),
      items: cart,
      key: fc.option(fc.constantFrom('k1', 'k2', 'k3'), { nil: undefined }),
      holdMs: fc.constantFrom(5, 60_000, 60_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('confirm' as const, 'confirm' as const, 'release' as const, 'refund' as const),
      which: fc.nat(20),
      restock: fc.boolean(),
    }),
  },
  fc.record({
    do: fc.constant('restock' as const),
    sku: fc.constantFrom(...SKUS),
    quantity: fc.constantFrom(-3, -1, 1, 2),
    key: fc.constantFrom('r1', 'r2', 'r3'),
  }),
  fc.record({ do: fc.constant('wait' as const) }),
)

const story = fc.record({
  stock: fc.record({ a: fc.integer({ min: 0, max: 6 }), b: fc.integer({ min: 1, max: 6 }) }),
  limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  // Steps of one group are sent at the same time, from two handles.
  groups: fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 }),
})

let sales = 0

/**
 * Plays random stories of a sale on an engine and checks, after each group of simultaneous requests, what must never break:
 * nothing is oversold, no unit is lost or invented, nobody is over the limit, the same key gives the same reservation, what
 * was confirmed stays so, and who asks for a unit that is there gets it.
 *
 * For the CI of whoever uses the library: run it against the Redis you have, configured as you have it. It takes sales
 * named `stockhold-check-...` and real time (holds of a few ms lapse while it waits).
 *
 * @param makeEngine Called once; the engine is closed at the end, a client it was given is not.
 * @returns How many runs and requests there were, and the seed that repeats them.
 * @throws An `Error` with the smallest story found that breaks a rule, the rule, and the seed.
 */
export async function checkNoOversell(
  makeEngine: () => Engine | Promise<Engine>,
  options: CheckOptions = {},
): Promise<CheckReport> {
  if (typeof makeEngine !== 'function') throw invalid('makeEngine', 'must be a function that makes an engine')
  const { runs: wanted = 200, seed: given = Math.floor(Math.random() * 2 ** 31) } = options
  const runs = checkInteger(wanted, 'runs', 1, 1_000_000)
  const seed = checkInteger(given, 'seed', -(2 ** 31), 2 ** 31 - 1)
  const engine = await makeEngine()
  const series = `stockhold-check-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`
  let commands = 0
  const property = fc.asyncProperty(story, async ({ stock, limit, groups }) => {
    const name = `${series}-${++sales}`
    const handles = [1, 2].map(() => new FlashSale(name, { engine, deadlineMs: 30_000 }))
    const shop = new Shop(handles, stock, limit)
    try {
      await shop.open()
      for (const group of groups) {
        commands += group.length
        await shop.play(group)
      }
      await shop.close()
    } finally {
      for (const handle of handles) await handle.close()
    }
  })
  try {
    const details = await fc.check(property, { seed, numRuns: runs })
    if (details.failed) {
      const reason = details.errorInstance instanceof Error ? details.errorInstance.message : 'it failed'
      const smallest = JSON.stringify(details.counterexample?.[0], undefined, 2)
      throw new Error(`${reason}\n\nSeed ${seed}, smallest story:\n${smallest}`, {
        cause: details.errorInstance,
      })
    }
    return { runs: details.numRuns, commands, seed }
  } finally {
    await engine.close()
  }
}
