import { describe, expect, test } from 'vitest'
import { plantedBugs } from './injected-bugs.js'
import { simulate } from './simulator/simulate.js'

/** What each bug must be found in; most fall in the first few. */
const RUNS = 200

async function firstFind(plant: (typeof plantedBugs)[number]['plant'], watch: boolean) {
  for (let seed = 1; seed <= RUNS; seed++) {
    const { violation } = await simulate({ seed, plant, watch })
    if (violation) return violation
  }
  return undefined
}

describe('a planted bug is found', () => {
  for (const { name, plant, watched, heard } of plantedBugs) {
    test(`${name}: looking into the server`, async () => {
      const violation = await firstFind(plant, true)
      expect(watched, violation?.report).toContain(violation?.kind)
    })

    test(`${name}: by what the callers hear alone`, async () => {
      const violation = await firstFind(plant, false)
      expect(heard, violation?.report).toContain(violation?.kind)
    })
  }
})
