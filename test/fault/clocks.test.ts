import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startWorker } from '../../scripts/lib/workers.js'
import { redisEngine } from '../../src/index.js'
import type { CrowdConfig, CrowdWords } from './support/crowd-process.js'
import type { Report } from './support/orders.js'
import { everything } from './support/stored.js'
import { openTrial, type Stage } from './support/trial.js'
import { verdict } from './support/verdict.js'

const HOUR = 3_600_000

async function serverTime({ admin }: Stage): Promise<number> {
  const [seconds, microseconds] = await admin.time()
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000
}

test("applications' clocks an hour fast, right, an hour slow: the server's decides", async () => {
  const stage = await openTrial()
  const { url, sale, limit } = stage
  const begun = await serverTime(stage)
  const workers = [HOUR, 0, -HOUR].map((shiftMs) => {
    const config: CrowdConfig = {
      url,
      sale,
      limit,
      shiftMs,
      ...{ name: `by${shiftMs}`, deadlineMs: 1_000, shoppers: 8 },
    }
    const worker = startWorker<CrowdWords>('test/fault/support/crowd-process.ts', config)
    onTestFinished(() => worker.kill())
    return worker
  })
  await Promise.all(workers.map((worker) => worker.next()))
  for (const worker of workers) worker.tell('go')
  await Promise.all(workers.map((worker) => worker.next()))
  for (const worker of workers) worker.tell('stop')
  const reports = (await Promise.all(workers.map((worker) => worker.next()))) as Report[]
  await Promise.all(workers.map((worker) => worker.all()))
  for (const { calls } of reports)
    expect(calls.filter(({ told }) => told === 'confirmed').length).toBeGreaterThan(0)
  await verdict(stage, reports)
  const engine = redisEngine(url)
  onTestFinished(() => engine.close())
  const created = (await everything(engine, sale)).map(({ createdAt }) => createdAt)
  expect(Math.min(...created)).toBeGreaterThanOrEqual(Math.floor(begun))
  expect(Math.max(...created)).toBeLessThanOrEqual(await serverTime(stage))
})

/** Answers false where a question came too late to find what it asks for. */
async function opensAndLapses(stage: Stage, lead: number): Promise<boolean> {
  const opensAt = Math.ceil(await serverTime(stage)) + lead
  const sale = stage.handle(redisEngine(stage.admin, { prefix: `in-${lead}-ms` }))
  await sale.create({ stock: { phone: 1 }, opensAt, holdMs: lead, maxHoldMs: HOUR })
  const reserve = (buyer: string, holdMs = lead) =>
    sale.reserve({ buyer, key: 'k', items: [{ sku: 'phone', quantity: 1 }], holdMs })
  const early = await reserve('early')
  if ((await serverTime(stage)) >= opensAt) return false
  expect(early).toEqual({ status: 'not_started', opensAt })
  while ((await serverTime(stage)) < opensAt) await delay(5)
  const held = await reserve('first')
  if (held.status !== 'reserved') expect.fail(held.status)
  const { id, createdAt, expiresAt } = held.reservation
  expect(expiresAt - createdAt).toBe(lead)
  const second = await reserve('second', HOUR)
  if ((await serverTime(stage)) >= expiresAt) return false
  expect(second).toMatchObject({ status: 'sold_out', mayReturn: true })
  while ((await serverTime(stage)) < expiresAt) await delay(5)
  expect(await reserve('second', HOUR)).toMatchObject({ status: 'reserved' })
  expect(await sale.confirm(id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
  expect((await sale.audit()).ok).toBe(true)
  return true
}

test.each([HOUR, -HOUR])(
  'a sale opens and a hold expires by the server, with a clock %i ms off',
  async (shiftMs) => {
    const stage = await openTrial()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + shiftMs })
    onTestFinished(() => void vi.useRealTimers())
    // On a machine that was too busy for its question to come in time, the next one has twice as
    // long.
    for (let lead = 400; !(await opensAndLapses(stage, lead)); ) lead *= 2
  },
)
