import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { EventSource } from '../../../src/consumer/source.js'
import { StreamWatch } from '../../../src/consumer/stream-watch.js'
import type { ConsumerWarning } from '../../../src/consumer/warnings.js'

test('a group that lags is warned of once, and asked for by one look at a time', async () => {
  const told: ConsumerWarning[] = []
  let asked = 0
  const ask = async () => {
    asked++
    await setImmediate()
    return { groups: [{ group: 'slow', position: 0 }] }
  }
  const watch = new StreamWatch(0, 100, { ask } as unknown as EventSource, (warning) => told.push(warning))
  for (let i = 0; i < 3; i++) watch.look(1, 90)
  expect(asked).toBe(1)
  await setImmediate()
  await setImmediate()
  watch.look(1, 91)
  await setImmediate()
  await setImmediate()
  expect(told).toMatchObject([{ type: 'stream_length', group: 'slow', lag: 90 }])
})
