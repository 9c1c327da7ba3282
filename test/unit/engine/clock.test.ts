import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { processClock } from '../../../src/engine/clock.js'
import { MAX_SPAN_MS } from '../../../src/validation.js'
import { connectedSockets, standStill } from '../../support/stall.js'

// Node's own timers take a longer time for one millisecond, and say so in a warning.
test.each([2 ** 31 - 1, 2 ** 31, MAX_SPAN_MS])('a timer of %i ms does not go off at once', async (ms) => {
  let calls = 0
  const warnings: string[] = []
  const onWarning = ({ name }: Error) => void warnings.push(name)
  process.on('warning', onWarning)
  const timer = processClock.after(ms, () => calls++)
  onTestFinished(() => {
    timer.cancel()
    process.off('warning', onWarning)
  })
  await delay(20)
  expect({ calls, warnings }).toEqual({ calls: 0, warnings: [] })
})

test('a process that stood still reads what has arrived before a timer of its own goes off', async () => {
  const { reader, writer } = await connectedSockets()
  const told: string[] = []
  reader.on('data', () => told.push('answer'))
  processClock.after(5, () => {
    told.push('timer')
    other.cancel()
  })
  const other = processClock.after(5, () => told.push('other timer'))
  writer.write('an answer')
  standStill(30)
  await expect.poll(() => told).toContain('timer')
  await delay(10)
  expect(told).toEqual(['answer', 'timer'])
})
