import { describe, expect, test } from 'vitest'
import { FirstFinds } from '../support/first-finds.js'
import { firstFind } from './first-find.js'
import { injectedBugs } from './injected-bugs.js'
import { simulate } from './simulator/simulate.js'

/** What each bug must be found in; most fall in the first few. */
const RUNS = 200

const ways = [
  ['looking into the server', true],
  ['by what the callers hear alone', false],
] as const

const finds = new FirstFinds(
  'simulation',
  injectedBugs.flatMap(({ name }) => ways.map(([how]) => `${name}: ${how}`)),
)

describe('finds an injected bug', () => {
  for (const { name, bug, watched, heard } of injectedBugs) {
    for (const [how, watch] of ways) {
      const title = `${name}: ${how}`
      test(title, async () => {
        const violation = await firstFind(finds, title, RUNS, (seed) =>
          simulate({ seed, bug, watch, asFound: true }),
        )
        expect(watch ? watched : heard, violation?.report).toContain(violation?.kind)
      })
    }
  }
})
