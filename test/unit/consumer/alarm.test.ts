import { expect, test } from 'vitest'
import { processTiming } from '../../../src/engine/timing.js'
import { Alarm } from '../../../src/handoff/alarm.js'

test('who is called before they lie down does not sleep', async () => {
  const alarm = new Alarm(processTiming)
  alarm.wake()
  // For ever, if it were not for the call.
  await alarm.sleep(Number.POSITIVE_INFINITY)
  const slept = alarm.sleep(Number.POSITIVE_INFINITY)
  expect(await Promise.race([slept.then(() => 'slept'), Promise.resolve('sleeps')])).toBe('sleeps')
  alarm.wake()
  await slept
})
