/** `npm run drill`, with a few sales: the night on which Redis comes back from an old snapshot. */
import { expect, onTestFinished, test } from 'vitest'
import { drill, type Step } from '../../scripts/drill/drill.js'
import { Stage } from '../../scripts/drill/stage.js'

test('four servers sell, Redis goes back, one command recovers the sale, and nothing is missing', async () => {
  const stage = await Stage.open()
  onTestFinished(() => stage.close())
  const steps: Step[] = []
  const report = await drill(stage, { sales: 3 }, (step) => steps.push(step))
  expect(report).toMatchObject({ missing: [], unhandled: [], refused: 0, audit: 0, reconcile: 0 })
  // Each of four has sold three times, before the snapshot and after, and four times after the
  // recovery. A reservation that several processes know is restored by each of them.
  expect(report.acknowledged).toBeGreaterThanOrEqual(40)
  expect(report.restored).toBeGreaterThanOrEqual(24)
  expect(report.confirmed).toBeGreaterThan(0)
  expect(steps).toEqual([
    ...['selling', 'rate changed', 'rolled back', 'frozen', 'recovered', 'selling again'],
  ])
})
