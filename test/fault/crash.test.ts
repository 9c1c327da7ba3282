import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'vitest'
import { random } from '../../scripts/lib/random.js'
import { openTrial } from './support/trial.js'
import { interimVerdict, verdict } from './support/verdict.js'

test('Redis is killed under load six times, and keeps every word it gave (appendfsync always)', async () => {
  const stage = await openTrial({ config: { appendonly: 'yes', appendfsync: 'always' } })
  const { server, crowd } = stage
  const draw = random(20_00)
  // Until one was heard of whom it was not known what became.
  for (let round = 0; round < 6 || crowd.count('UNKNOWN_OUTCOME') === 0; round++) {
    crowd.start()
    await crowd.hears('reserved')
    await delay(draw() * 250)
    await server.kill()
    await delay(draw() * 100)
    await server.restart()
    await crowd.hears('confirmed')
    await crowd.stop()
    await interimVerdict(stage, [crowd])
  }
  await crowd.buysOnEveryHandle()
  await verdict(stage, [crowd])
})

test('killed again before it is well: while it loads, and right after', async () => {
  const stage = await openTrial({ config: { appendonly: 'yes', appendfsync: 'always' } })
  const { server, crowd } = stage
  crowd.start()
  await crowd.hears('confirmed', 20)
  for (let round = 0; round < 4; round++) {
    await server.kill()
    await server.restart()
    await delay(round * 15)
  }
  await crowd.buysOnEveryHandle()
  await crowd.stop()
  await verdict(stage, [crowd])
})
