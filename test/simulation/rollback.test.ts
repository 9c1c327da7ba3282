import { describe, expect, test } from 'vitest'
import type { LogOffset } from '../../src/engine/port.js'
import { PartitionState } from '../../src/memory-engine/sale/partition-state.js'
import { runsOr, seeds } from '../support/seeds.js'
import { simulateRollback } from './simulator/rollback/simulate-rollback.js'

const RUNS = runsOr(400)

test.each(seeds)(
  'a server that has forgotten sells nothing until it is recovered: seeds from %i',
  { timeout: 600_000 },
  async (first) => {
    const seen = new Set<string>()
    for (let seed = first; seed < first + RUNS; seed++) {
      const { violation, kind, from, detected, restored, refused } = await simulateRollback({
        seed,
        ends: seed % 2 === 0,
      })
      expect(violation?.report, `STOCKHOLD_SEED=${seed}`).toBeUndefined()
      if (detected > 0) seen.add(`${kind}, ${from}`)
      if (restored > 0) seen.add('restored')
      if (refused > 0) seen.add('refused')
    }
    if (RUNS < 300) return
    const wanted = ['empty, accept', 'empty, replay', 'older, accept', 'older, replay', 'refused', 'restored']
    expect([...seen].sort()).toEqual(wanted)
  },
)

/** What failed once, and why. */
test.each([
  ['a hold whose extension was forgotten', 437_619_484],
  ['a hold whose extension was forgotten, by an empty server', 700_549],
  ['a hold whose extension was forgotten, by an empty server, again', 704_369],
  ['a hold whose extension was forgotten, once more', 706_149],
  ['a refund that is due, without units to put its reservation back', 20_260_436],
  ['the own payment of an order that was transferred by a process that knew less', 7_340],
  ['an order whose older hold such a process has transferred', 20],
  ['an order that was transferred twice, the second time by such a process', 51_098],
  ['the own payment of an order, which has another one since', 1_265],
  ['the old record of an order, without units', 10_203],
  ['an order of which each process knows another record', 54_853],
  ['an order of which no process knows the later record', 106_373],
  ['a key whose reservation was transferred and lost', 36_497],
  ['an order that was transferred elsewhere by a process that knew less', 124_655],
])('a server that has forgotten sells nothing until it is recovered: %s', async (_why, seed) => {
  expect((await simulateRollback({ seed })).violation?.report).toBeUndefined()
})

/** One process ended before the recovery. */
test.each([
  ['a process knows the receiver alone, after an empty server', 328],
  ['a process knows the receiver alone, again', 1_486],
  ['two processes know one record each', 1_792],
  ['the sale has the sender, and a process knows the receiver', 1_851],
])('a reservation that was transferred is one reservation after a recovery: %s', async (_why, seed) => {
  expect((await simulateRollback({ seed, ends: true })).violation?.report).toBeUndefined()
})

/** Fences with a hole. */
const fences: readonly {
  readonly name: string
  readonly remembers: (state: PartitionState, tip: LogOffset) => boolean
}[] = [
  { name: 'compares nothing', remembers: () => true },
  {
    name: 'compares the sequence only',
    remembers: ({ generation, events }, tip) =>
      tip.generation <= generation && tip.sequence <= events.sequence,
  },
]

describe('finds an injected bug', () => {
  for (const { name, remembers } of fences) {
    test(`the fence ${name}`, async () => {
      const newState = () => {
        const state = new PartitionState()
        state.remembers = (tip) => remembers(state, tip)
        return state
      }
      let kind: string | undefined
      for (let seed = 1; seed <= 200 && kind !== 'promise'; seed++)
        kind = (await simulateRollback({ seed, newState })).violation?.kind
      expect(kind).toBe('promise')
    })
  }

  test('a frozen sale that sells', async () => {
    const newState = () =>
      Object.defineProperty(new PartitionState(), 'frozen', { get: () => false, set: () => {} })
    let kind: string | undefined
    for (let seed = 1; seed <= 200 && kind !== 'promise'; seed++)
      kind = (await simulateRollback({ seed, newState })).violation?.kind
    expect(kind).toBe('promise')
  })
})
