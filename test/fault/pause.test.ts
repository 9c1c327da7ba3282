import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { startWorker } from '../../scripts/lib/workers.js'
import type { CrowdConfig, CrowdWords } from './support/crowd-process.js'
import type { Report } from './support/orders.js'
import { openTrial } from './support/trial.js'
import { interimVerdict, verdict } from './support/verdict.js'

test('Redis stands still, for up to five seconds', async () => {
  const stage = await openTrial()
  const { server, crowd } = stage
  for (const ms of [200, 700, 5_000]) {
    crowd.start()
    await crowd.hears('confirmed', 20)
    await server.kill('SIGSTOP')
    await delay(ms)
    await server.kill('SIGCONT')
    await crowd.hears('confirmed', 20)
    await crowd.stop()
    await interimVerdict(stage, [crowd])
  }
  expect(crowd.count('UNKNOWN_OUTCOME')).toBeGreaterThan(0)
  await crowd.buysOnEveryHandle()
  await verdict(stage, [crowd])
})

test('an application stands still for five seconds, in the midst of its calls, and the others sell on', async () => {
  const stage = await openTrial()
  const { crowd, sale, url, limit } = stage
  const config: CrowdConfig = {
    ...{ url, sale, limit, name: 'frozen', deadlineMs: 500, shoppers: 20, shiftMs: 0 },
  }
  const frozen = startWorker<CrowdWords>('test/fault/support/crowd-process.ts', config)
  onTestFinished(() => frozen.kill())
  const { pid } = (await frozen.next()) as { pid: number }
  await crowd.start().hears('confirmed', 20)
  frozen.tell('go')
  await frozen.next()
  // Briefly at first: another moment of its calls each time.
  for (const ms of [50, 50, 5_000]) {
    await delay(170)
    process.kill(pid, 'SIGSTOP')
    await Promise.all([delay(ms), crowd.hears('reserved', 10)])
    process.kill(pid, 'SIGCONT')
  }
  await crowd.stop()
  frozen.tell('stop')
  const report = (await frozen.next()) as Report
  await frozen.all()
  expect(
    crowd.calls.filter(({ what, told }) => what === 'reserve' && told === 'reserved').length,
  ).toBeGreaterThan(50)
  expect(report.calls.filter(({ told }) => told === 'reserved').length).toBeGreaterThan(20)
  await crowd.buysOnEveryHandle()
  await verdict(stage, [crowd, report])
})
