import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SHOW_MS, SLOTS_A_LONG_TURN, TOKEN } from '../../src/engine/room.js'
import { admitted, onBothEngines, type Room } from '../support/room.js'
import { path, runsOr, seeds } from '../support/seeds.js'

const CLAIM_MS = 3_000
const SECONDS = 200

interface Evening {
  readonly available: number
  /** How often each visitor of the first ranks polls, in seconds; all others poll each second. */
  readonly slow: readonly number[]
  /** How long a visitor keeps a pass, in seconds. */
  readonly shopping: number
  readonly rate: number
}

const evenings = (available: fc.Arbitrary<number>): fc.Arbitrary<Evening> =>
  fc.record({
    available,
    slow: fc.array(fc.constantFrom(7, 20, 45, 60, 61, 100, 130), { minLength: 1, maxLength: 5 }),
    shopping: fc.integer({ min: 1, max: 15 }),
    rate: fc.constantFrom(1_000, 5_000),
  })

/**
 * Visitors come and go for some minutes. The units that they leave come back, so that the last ones
 * are on sale all the time.
 */
async function spend(
  room: Room,
  evening: Evening,
  look: (second: number, polled: string[]) => Promise<void>,
) {
  const { available, slow, shopping } = evening
  const patient = slow.map((_, i) => `slow${i}`)
  await room.join('first', ...patient)
  const crowd = await room.crowd(SECONDS * 6)
  const inside = new Map<string, number>()
  const waiting = new Set([...patient, ...crowd])
  for (let second = 0; second < SECONDS; second++) {
    await room.advance(1_000)
    for (const [buyer, since] of inside)
      if (second - since >= shopping) {
        await room.leave(buyer)
        inside.delete(buyer)
      }
    const here = [...waiting].filter((buyer) => !patient.includes(buyer)).slice(0, 8)
    const polled = [...patient.filter((_, i) => second % slow[i]! === 0), ...here]
    const told = await room.come(
      polled.filter((buyer) => waiting.has(buyer)),
      { stock: room.stock(available) },
    )
    for (const buyer of admitted(told)) {
      waiting.delete(buyer)
      inside.set(buyer, second)
    }
    await look(second, polled)
  }
  return { inside, waiting }
}

const settings = (seed: number) => ({ seed, numRuns: runsOr(12), ...(path === undefined ? {} : { path }) })

onBothEngines((open) => {
  test.each(seeds)(
    'the last units never wait for visitors who are away while another is present, seed %i',
    { timeout: 600_000 },
    async (seed) => {
      const last = fc.integer({ min: 1, max: SLOTS_A_LONG_TURN - 1 })
      await fc.assert(
        fc.asyncProperty(evenings(last), async (evening) => {
          const room = await open({ sale: 'launch', claimMs: CLAIM_MS }, { rate: evening.rate, burst: 2 })
          const since = new Map<number, number>()
          await spend(room, evening, async (second) => {
            const { turns, tokens, outstanding } = await room.peek()
            for (const number of turns) if (!since.has(number)) since.set(number, second)
            for (const number of since.keys()) if (!turns.includes(number)) since.delete(number)
            for (const [number, given] of since)
              expect(second - given, `the turn of ${number}`).toBeLessThanOrEqual(CLAIM_MS / 1_000)
            // The crowd is present all the time and after the first seconds called.
            if (second * 1_000 > SHOW_MS && tokens >= TOKEN) expect(outstanding).toBe(evening.available)
          })
        }),
        settings(seed),
      )
    },
  )

  test.each(seeds)(
    'a visitor who polls once a minute gets in, however many others are present, seed %i',
    { timeout: 600_000 },
    async (seed) => {
      const many = fc.integer({ min: SLOTS_A_LONG_TURN, max: 40 })
      await fc.assert(
        fc.asyncProperty(
          evenings(many),
          fc.constantFrom('stock', 'maxActive'),
          fc.constantFrom(1, 3, 10),
          async (evening, by, most) => {
            const rules = by === 'stock' ? { sale: 'launch' } : { maxActive: most }
            const room = await open({ ...rules, claimMs: CLAIM_MS }, { rate: evening.rate, burst: 2 })
            const slow = [60]
            const { waiting } = await spend(room, { ...evening, slow }, async () => {})
            expect(waiting).not.toContain('slow0')
          },
        ),
        settings(seed),
      )
    },
  )
})
