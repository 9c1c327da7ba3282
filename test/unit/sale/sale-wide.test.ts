import { expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../../src/index.js'
import { sourceOf } from '../../../src/sale/flash-sale.js'
import { faultyEngine } from '../../support/faulty-engine.js'
import { anyTime } from '../../support/shop.js'
import { clockedMemory } from '../../support/test-clock.js'

/** A sale of two partitions. A process has sent a unit from one to the other, and has crashed. */
async function opened() {
  const { engine, clock } = await clockedMemory()
  const receivedAt: number[] = []
  const noted = faultyEngine(engine, ({ command }) => {
    if (command === 'receive') receivedAt.push(clock.now())
    return 'answered'
  })
  const sale = new FlashSale('launch', { engine: noted })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 10 }, partitions: 2 })
  const { incarnation } = await sourceOf(sale).describe()
  const op = { to: 1, wants: [[0, 1]], received: [] } as const
  await engine.partition('launch', 0, 2).run('send', [op], { ...anyTime, incarnation })
  const inTransit = async () => (await clock.during(sale.stats())).skus.a!.inTransit
  return { sale, clock, receivedAt, inTransit }
}

test('an audit delivers units in transit once they have been on their way for 250 ms', async () => {
  const { sale, clock, receivedAt } = await opened()
  const begun = clock.now()
  const audit = await clock.during(sale.audit())
  expect(audit).toMatchObject({ ok: true, skus: { a: { total: 10, available: 10, inTransit: 0 } } })
  expect(receivedAt).toEqual([begun + 250])
})

test('stats reports units in transit, and delivers them once all readings of 250 ms have found some', async () => {
  const { clock, receivedAt, inTransit } = await opened()
  expect(await inTransit()).toBe(2)
  await clock.advance(249)
  expect(await inTransit()).toBe(2)
  expect(receivedAt).toEqual([])
  await clock.advance(1)
  expect(await inTransit()).toBe(0)
  expect(receivedAt).toHaveLength(1)
})
