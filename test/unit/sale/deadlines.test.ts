import { expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../../src/index.js'
import { virtualEngine } from '../../../src/testing.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const items = [{ sku: 'a', quantity: 1 }]
const options = { key: 'k' }

/** Each call that first learns the rules of the sale. */
const calls: Record<string, (sale: FlashSale, id: string) => Promise<unknown>> = {
  reserve: (sale) => sale.reserve({ buyer: 'ann', items }),
  amend: (sale, id) => sale.amend(id, { items }),
  confirm: (sale, id) => sale.confirm(id),
  release: (sale, id) => sale.release(id),
  extend: (sale, id) => sale.extend(id, { holdMs: 1 }),
  'refund a part': (sale, id) => sale.refund(id, { restock: true, items, ...options }),
  refund: (sale, id) => sale.refund(id, { restock: true }),
  transfer: (sale, id) => sale.transfer(id, { to: 'bob' }),
  get: (sale, id) => sale.get(id),
  reservationsOf: (sale) => sale.reservationsOf('ann'),
  restock: (sale) => sale.restock({ sku: 'a', quantity: 1, ...options }),
  setTotal: (sale) => sale.setTotal({ sku: 'a', total: 1, ...options }),
  move: (sale) => sale.move({ from: 'a', to: 'b', quantity: 1, ...options }),
  stats: (sale) => sale.stats(),
}

test.each(Object.entries(calls))(
  '%s ends by its deadline, however long it took to learn the rules',
  async (_, call) => {
    const { engine, advance } = virtualEngine()
    const creator = new FlashSale('s', { engine })
    await creator.create({ stock: { a: 1, b: 1 } })
    const held = await creator.reserve({ buyer: 'ann', items })
    if (held.status !== 'reserved') expect.fail(held.status)
    const slow = withPartitions(engine, (port) => ({
      async run(command, ops, sending) {
        if (command !== 'describe') return new Promise(() => {})
        const reply = await port.run(command, ops, sending)
        await new Promise<void>((resolve) => engine.clock!.after(1_500, resolve))
        return reply
      },
    }))
    const sale = new FlashSale('s', { engine: slow, deadlineMs: 2_000 })
    onTestFinished(async () => {
      await sale.close()
      await creator.close()
    })
    let code: string | undefined
    void call(sale, held.reservation.id).catch((error) => {
      code = error.code
    })
    await advance(1_999)
    expect(code).toBeUndefined()
    await advance(1)
    expect(code).toMatch(/^(UNKNOWN_OUTCOME|UNAVAILABLE)$/)
  },
)
