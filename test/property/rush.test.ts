import fc from 'fast-check'
import { expect, test } from 'vitest'
import { random } from '../../scripts/lib/random.js'
import { FlashSale, type Item, memoryEngine, StockholdError } from '../../src/index.js'
import { type Batch, type Fate, faultyEngine } from '../support/faulty-engine.js'
import { path, runsOr, seeds } from '../support/seeds.js'

interface Rush {
  readonly partitions: number
  /** What each buyer wants; there is exactly so much. */
  readonly carts: readonly (readonly Item[])[]
  readonly handles: number
  /** How many batches of a hundred fare so. */
  readonly faults: readonly { readonly percent: number; readonly fate: Fate }[]
  readonly luck: number
  /** After this batch the first process is dead; the others do its work. */
  readonly diesAfter: number
}

const line = fc.record({ sku: fc.constantFrom('a', 'b', 'c'), quantity: fc.integer({ min: 1, max: 3 }) })
const rushes: fc.Arbitrary<Rush> = fc.record({
  partitions: fc.integer({ min: 2, max: 9 }),
  carts: fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 40 }),
  handles: fc.integer({ min: 2, max: 4 }),
  faults: fc.array(
    fc.record({
      percent: fc.integer({ min: 1, max: 20 }),
      fate: fc.constantFrom<Fate>('refused', 'reply lost'),
    }),
    { maxLength: 2 },
  ),
  luck: fc.nat(),
  diesAfter: fc.integer({ min: 5, max: 200 }),
})

/** Faults, and for the first process its end. */
function fates({ faults, luck, diesAfter }: Rush, handle: number): (batch: Batch) => Fate {
  const draw = random(luck, handle)
  let batches = 0
  return () => {
    if (handle === 0 && ++batches > diesAfter) return 'hangs'
    return faults.find(({ percent }) => draw() * 100 < percent)?.fate ?? 'answered'
  }
}

/** Asks until there is an answer: of one process after another, always by the same key. */
async function insist(handles: readonly FlashSale[], buyer: string, items: readonly Item[]): Promise<string> {
  for (let at = 0; ; at++) {
    try {
      const result = await handles[at % handles.length]!.reserve({ buyer, items, key: 'k' })
      return result.status
    } catch (error) {
      if (!(error instanceof StockholdError) || !error.retryable) throw error
    }
  }
}

async function rush(story: Rush): Promise<void> {
  const stock = { a: 0, b: 0, c: 0 }
  for (const cart of story.carts) for (const { sku, quantity } of cart) stock[sku as 'a'] += quantity
  const engine = memoryEngine()
  const calm = new FlashSale('rush', { engine, deadlineMs: 60_000 })
  await calm.create({ stock, partitions: story.partitions })
  const handles = Array.from({ length: story.handles }, (_, i) => {
    const fate = fates(story, i)
    // What a fault costs is a call more, but a dead process is found out by its silence.
    return new FlashSale('rush', { engine: faultyEngine(engine, fate), deadlineMs: 300 })
  })
  const told = await Promise.all(
    story.carts.map((cart, i) =>
      insist([...handles.slice(i % handles.length), ...handles.slice(0, i % handles.length)], `u-${i}`, cart),
    ),
  )
  expect(told.filter((status) => status !== 'reserved')).toEqual([])
  expect((await calm.reserve({ buyer: 'late', items: [story.carts[0]![0]!], key: 'k' })).status).toBe(
    'sold_out',
  )
  const { violations, skus, reservations } = await calm.audit()
  expect(violations).toEqual([])
  expect(reservations).toBe(story.carts.length)
  for (const { available, inTransit } of Object.values(skus)) expect([available, inTransit]).toEqual([0, 0])
  for (const sale of [calm, ...handles]) await sale.close()
}

test.each(seeds)(
  'as many buyers as units, in several processes, one of which dies: nobody is refused, seed %i',
  { timeout: 600_000 },
  async (seed) => {
    await fc.assert(fc.asyncProperty(rushes, rush), {
      ...{ seed, numRuns: runsOr(25) },
      ...(path === undefined ? {} : { path }),
    })
  },
)
