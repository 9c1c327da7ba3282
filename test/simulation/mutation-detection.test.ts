import { describe, expect, test } from 'vitest'
import { injectedBugs } from './injected-bugs.js'
import { simulate } from './simulator/simulate.js'

/** What each bug must be found in; most fall in the first few. */
const RUNS = 200

async function firstFind(bug: (typeof injectedBugs)[number]['bug'], watch: boolean) {
  for (let seed = 1; seed <= RUNS; seed++) {
    const { violation } = await simulate({ seed, bug, watch })
    if (violation) return violation
  }
  return undefined
}

describe('finds an injected bug', () => {
  for (const { name, bug, watched, heard } of injectedBugs) {
    test(`${name}: looking into the server`, async () => {
      const violation = await firstFind(bug, true)
      expect(watched, violation?.report).toContain(violation?.kind)
    })

    test(`${name}: by what the callers hear alone`, async () => {
      const violation = await firstFind(bug, false)
      expect(heard, violation?.report).toContain(violation?.kind)
    })
  }
})
