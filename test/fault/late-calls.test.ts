import { expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { FlashSale, redisEngine, StockholdError, WaitingRoom } from '../../src/index.js'
import { faultyRedis } from '../../src/testing.js'

const PARTITIONS = 4
const DEADLINE_MS = 1_000

async function stage() {
  const server = await startRedis()
  onTestFinished(() => server.stop())
  const proxy = await faultyRedis(server.url)
  onTestFinished(() => proxy.close())
  const open = (url: string, deadlineMs: number) => {
    const engine = redisEngine(url)
    const sale = new FlashSale('launch', { engine, deadlineMs })
    onTestFinished(async () => {
      await sale.close()
      await engine.close()
    })
    return { engine, sale }
  }
  const direct = open(server.url, 60_000)
  await direct.sale.create({ stock: { a: 100 }, limitPerBuyer: 1, partitions: PARTITIONS })
  const late = open(proxy.url, DEADLINE_MS)
  /** The connection keeps its order: once this is answered, everything before it has arrived. */
  const arrived = () => expect.poll(() => late.sale.stats().catch(codeOf)).toHaveProperty('skus')
  return { proxy, direct, late, arrived }
}

const codeOf = (error: unknown) => (error instanceof StockholdError ? error.code : String(error))

// With the shorter delay the server's time is learned in time, and the command comes late; with the
// longer one nothing is sent.
test.each([
  [0.7, 'UNKNOWN_OUTCOME'],
  [1.5, 'UNAVAILABLE'],
] as const)(
  'the first call of a handle to each partition that arrives after its deadline does nothing (on its way for %f of it)',
  async (share, told) => {
    const { proxy, direct, late, arrived } = await stage()
    // The rules are known, of one partition of four; of the others nothing is.
    await expect.poll(() => late.sale.get('1AAAAAAAAAAAAAAAAAA').catch(codeOf)).toBeUndefined()
    const delayed = proxy.delay({ ms: share * DEADLINE_MS, direction: 'requests' })
    const buyers = Array.from({ length: 40 }, (_, i) => `u-${i}`)
    const order = (buyer: string) => ({ buyer, key: 'k', items: [{ sku: 'a', quantity: 1 }] })
    const answers = await Promise.allSettled(buyers.map((buyer) => late.sale.reserve(order(buyer))))
    const codes = answers.map((answer) =>
      answer.status === 'rejected' ? codeOf(answer.reason) : answer.value.status,
    )
    expect(codes).toContain(told)
    await delayed.lift()
    await arrived()
    // Who was not answered asks again; nothing was done that they do not know of.
    const { skus } = await direct.sale.stats()
    expect(skus.a!.held).toBe(codes.filter((code) => code === 'reserved').length)
    for (const [i, buyer] of buyers.entries())
      expect(await direct.sale.reserve(order(buyer))).toMatchObject({ replayed: codes[i] === 'reserved' })
  },
)

test('neither does the first call of a waiting room', async () => {
  const { proxy, direct, late, arrived } = await stage()
  const room = (engine: typeof direct.engine, deadlineMs: number) => {
    const opened = new WaitingRoom('door', { engine, secret: 's'.repeat(32), ratePerSecond: 1, deadlineMs })
    onTestFinished(() => opened.close())
    return opened
  }
  const patient = room(direct.engine, 60_000)
  await patient.create()
  const hasty = room(late.engine, DEADLINE_MS)
  await expect.poll(() => hasty.stats().catch(codeOf)).toHaveProperty('waiting')
  const delayed = proxy.delay({ ms: 1.5 * DEADLINE_MS, direction: 'requests' })
  expect(await hasty.join('u').catch(codeOf)).toBe('UNAVAILABLE')
  await delayed.lift()
  await arrived()
  expect(await patient.stats()).toMatchObject({ waiting: 0 })
})
