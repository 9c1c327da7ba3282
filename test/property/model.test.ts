import { expect, test } from 'vitest'
import { memoryKind, startedKinds } from '../support/engines.js'
import { FIXED_SEED, path, runsOr, seeds } from '../support/seeds.js'
import { checkProperties } from './check.js'
import { everyAnswer } from './every-answer.js'

const makers = startedKinds().map(({ make }) => make)

for (const seed of seeds) {
  test(`random stories end the same on both engines and by the rules, seed ${seed}`, async () => {
    const runs = runsOr(150)
    console.log(`model: seed ${seed}, ${runs} runs`)
    const { report } = await checkProperties(makers, { seed, runs, path })
    expect(report).toBe('')
  }, 600_000)
}

test('the stories reach every answer there is', async () => {
  const { answers, report } = await checkProperties([memoryKind().make], { seed: FIXED_SEED, runs: 900 })
  expect(report).toBe('')
  expect([...answers].sort()).toEqual(everyAnswer.toSorted())
})
