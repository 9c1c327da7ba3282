import { expect, onTestFinished, test } from 'vitest'
import { joined } from '../../../scripts/lib/joined.js'
import { FlashSale, WaitingRoom } from '../../../src/index.js'
import { virtualEngine } from '../../../src/testing/virtual-engine.js'
import { faultyEngine } from '../../support/faulty-engine.js'
import { SECRET } from '../../support/waiting-room.js'

test('a partition of the sale that goes silent stops no buyer with a pass, and each visitor is told the position', async () => {
  const virtual = virtualEngine()
  let silent = false
  const engine = faultyEngine(virtual.engine, ({ partition }) =>
    silent && partition === 1 ? 'hangs' : 'answered',
  )
  const room = new WaitingRoom('night', {
    engine,
    secret: SECRET,
    ratePerSecond: 20,
    burst: 20,
    sale: 'night',
  })
  const sale = new FlashSale('night', { engine, waitingRoom: room })
  onTestFinished(async () => {
    await Promise.all([room.close(), sale.close(), virtual.advance(5_000)])
  })
  const passing = async <T>(promise: Promise<T>, ms = 3_000): Promise<T> => {
    const [answer] = await Promise.all([promise, virtual.advance(ms)])
    return answer
  }
  await passing(sale.create({ stock: { a: 1_000 }, partitions: 4 }))
  await passing(room.create())
  const buyers = Array.from({ length: 20 }, (_, i) => `u${i}`)
  const passes = new Map<string, string>()
  const tickets = await passing(
    Promise.all(buyers.map(async (buyer) => (await joined(room.join(buyer))).ticket)),
  )
  const polled = await passing(Promise.all(tickets.map((ticket) => room.poll(ticket))))
  for (const [i, one] of polled.entries()) if (one.status === 'admitted') passes.set(buyers[i]!, one.pass)
  expect(passes.size).toBe(20)
  silent = true
  await virtual.advance(10_000)
  const late = await passing(joined(room.join('late')))
  expect(late.position).toBe(1)
  const told = await passing(room.poll(late.ticket))
  expect(told).toMatchObject({ status: 'waiting' })
  const reserve = (buyer: string) =>
    sale.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }], pass: passes.get(buyer)! }).then(
      ({ status }) => status,
      (error) => error.code,
    )
  const answers = await passing(Promise.all(buyers.map(reserve)))
  // Of the silent partition nobody knows; but the door kept nobody away.
  expect(answers).toContain('reserved')
  for (const answer of answers) expect(['reserved', 'UNKNOWN_OUTCOME']).toContain(answer)
})
