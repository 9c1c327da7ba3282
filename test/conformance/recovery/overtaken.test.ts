import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../../src/index.js'
import { follow, mortal, Seen } from '../../support/consumers.js'
import { redisKind } from '../../support/engines.js'
import { pass, processesOn } from '../../support/heartbeat.js'
import { faultOf } from '../../support/secrets.js'
import { snapshot } from '../../support/snapshot.js'

const kind = redisKind()
beforeAll(kind.start)
afterAll(kind.stop)

async function stage(count: number) {
  const timed = await kind.make()
  const worlds = processesOn(timed, count)
  const lives = worlds.map(({ engine }) => mortal(engine))
  const sales = lives.map(({ engine }) => {
    const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    return sale
  })
  for (const sale of sales) await sale.create({ stock: { mango: 50 }, holdMs: 3_600_000 })
  const until = async (check: () => boolean | Promise<boolean>) => {
    for (let i = 0; i < 60; i++) {
      if (await check()) return
      await pass(worlds[0]!, 1)
    }
    expect.fail('it did not happen')
  }
  const copy = () => snapshot(kind.client(), `{${timed.prefix}:launch*`)
  return { timed, world: worlds[0]!, lives, sales, until, copy }
}

let serial = 0
async function hold(sale: FlashSale): Promise<string> {
  const answer = await sale.reserve({ buyer: `b${serial++}`, items: [{ sku: 'mango', quantity: 1 }] })
  return answer.status === 'reserved' ? answer.reservation.id : expect.fail(answer.status)
}

test('a consumer that stood still while another history overtook its own is given the events of that one', async () => {
  const { world, lives, sales, until, copy } = await stage(3)
  const [stalled, seller, knows] = sales as [FlashSale, FlashSale, FlashSale]
  const seen = new Seen()
  const consumer = follow(stalled, { leaseMs: 300_000, onError: () => {} }, seen.note)
  for (const sale of sales) await hold(sale)
  await until(async () => (await consumer.stats()).position === 3)
  const load = await copy()
  const lost: string[] = []
  for (let i = 0; i < 3; i++) lost.push(await hold(stalled))
  await until(async () => (await consumer.stats()).position === 6)
  await knows.stats()
  lives[0]!.die()
  await load()
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.push(await hold(seller))
  await faultOf(knows.stats(), 'ROLLBACK_DETECTED')
  await knows.recover({ from: 'accept' })
  ids.push(await hold(seller))
  lives[0]!.revive()
  const given = () => new Set(seen.events.map(({ reservation }) => reservation!.id))
  await pass(world, 30)
  await until(async () => (await consumer.stats()).lag === 0)
  expect(ids.filter((id) => !given().has(id))).toEqual([])
})
