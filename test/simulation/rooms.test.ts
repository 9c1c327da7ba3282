import { describe, expect, test } from 'vitest'
import { FirstFinds } from '../support/first-finds.js'
import { runsOr, seeds } from '../support/seeds.js'
import { firstFind } from './first-find.js'
import { injectedRoomBugs } from './injected-room-bugs.js'
import type { Fault } from './simulator/faults.js'
import { messageFaults, worldFaults } from './simulator/faults.js'
import { simulateRoom } from './simulator/rooms/simulate-rooms.js'

const RUNS = runsOr(250)

test.each(seeds)(
  'whatever fails, the room keeps its rules: seeds from %i',
  { timeout: 600_000 },
  async (first) => {
    const injected = new Map<Fault, number>()
    const answers = new Set<string>()
    for (let seed = first; seed < first + RUNS; seed++) {
      const run = await simulateRoom({ seed })
      const replay = `npm run simulate -- --only rooms --seed ${seed} --runs 1 --trace`
      expect(run.violation?.report, replay).toBeUndefined()
      for (const [fault, times] of run.injected) injected.set(fault, (injected.get(fault) ?? 0) + times)
      for (const answer of run.answers) answers.add(answer)
    }
    if (RUNS < 200) return
    expect([...injected.keys()].sort()).toEqual([...messageFaults, ...worldFaults].sort())
    // The runs reach what they are about.
    for (const status of ['waiting', 'admitted', 'closed']) {
      expect(answers).toContain(`poll ${status}`)
      expect(answers).toContain(`update ${status}`)
    }
    for (const status of ['reserved', 'sold_out', 'pass_rejected'])
      expect(answers).toContain(`reserve ${status}`)
    for (const call of [
      'poll TICKET_INVALID',
      'join joined',
      'join blocked',
      'leave done',
      'transfer transferred',
      'transfer TICKET_INVALID',
      'revoke done',
      'block done',
      'pause done',
    ])
      expect(answers).toContain(call)
  },
)

test.each(seeds)(
  'whatever fails, a room with tiers keeps its rules: seeds from %i',
  { timeout: 600_000 },
  async (first) => {
    for (let seed = first; seed < first + RUNS; seed++)
      expect((await simulateRoom({ seed, tiers: true })).violation?.report, `seed ${seed}`).toBeUndefined()
  },
)

/** What failed once, and why. */
test.each([
  ['a leave with the ticket of an earlier stay ends nothing', 1_070_265_583],
  ['the last unit was confirmed, and the clock set back by a minute', 71_906],
  ['the last unit was confirmed, and the clock set back by a moment', 72_334],
  ['the last unit was confirmed, and the clock set back after it had gone forwards', 73_597],
  ['the last unit was confirmed, and the clock set back while the room stood still', 74_009],
  ['the last unit was confirmed late, and the clock set back', 74_948],
  ['a hold expired, and the clock was set back by a minute', 74_750],
  ['a hold expired, and the clock was set back by seconds', 75_308],
  ['a hold expired in a sale that is further on than its room', 78_340],
  ['units came in, and the clock was set back', 84_453],
  ['to learn the room and to ask it are within one deadline', 83_594],
  ['of two joins, the one that came after a leave is answered before the other', 516_208],
])('whatever fails, the room keeps its rules: %s', async (_why, seed) => {
  expect((await simulateRoom({ seed })).violation?.report).toBeUndefined()
})

test('the same seed is the same run, line by line', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const traces = await Promise.all(
      [0, 1].map(async () => {
        const lines: string[] = []
        await simulateRoom({ seed, trace: (line) => lines.push(line) })
        return lines.join('\n')
      }),
    )
    expect(traces[0]!.length).toBeGreaterThan(1_000)
    expect(traces[1]).toBe(traces[0])
  }
})

const hunts = injectedRoomBugs.flatMap(({ name, bug, tiers = false, watched, heard }) => [
  { title: `${name}: looking into the room`, kinds: watched, bug, tiers, watch: true },
  ...(heard
    ? [{ title: `${name}: by what visitors are told alone`, kinds: heard, bug, tiers, watch: false }]
    : []),
])
const finds = new FirstFinds(
  'rooms',
  hunts.map(({ title }) => title),
)

describe('finds an injected bug', () => {
  test.each(hunts)('$title', async ({ title, kinds, bug, tiers, watch }) => {
    const violation = await firstFind(finds, title, 400, (seed) => simulateRoom({ seed, bug, tiers, watch }))
    expect(kinds, violation?.report).toContain(violation?.kind)
  })
})
