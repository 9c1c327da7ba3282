import { expect, onTestFinished, test } from 'vitest'
import type { Command, Engine, Op, Partition, Reply } from '../../../src/engine/engine.js'
import { FlashSale } from '../../../src/index.js'
import { onBothEngines } from '../../support/shop.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const items = [{ sku: 'a', quantity: 1 }]

onBothEngines((_, kind) => {
  const handle = (engine: Engine) => {
    const sale = new FlashSale('launch', { engine, deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    return sale
  }

  /** An engine that does something after a command was carried out, and before it is answered. */
  function withAfterwards(engine: Engine, command: Command, afterwards: () => Promise<void>): Engine {
    let isFirst = true
    return withPartitions(engine, (partition: Partition) => ({
      async run<C extends Command>(asked: C, ops: readonly Op<C>[], call: never): Promise<Reply<C>> {
        const reply = await partition.run(asked, ops, call)
        if (asked === command && isFirst) {
          isFirst = false
          await afterwards()
        }
        return reply
      },
    }))
  }

  test.each([1, 3])(
    'what a handle has seen of a removed sale says nothing of the one it creates, %i partitions',
    async (partitions) => {
      const timed = await kind.make()
      const rules = { stock: { a: 9 }, holdMs: 1_000, partitions }
      const old = handle(timed.engine)
      await old.create(rules)
      for (let i = 0; i < 9; i++) await old.reserve({ buyer: `u${i}`, items, key: `k${i}` })
      const remove = async () => {
        await old.end()
        expect(await old.destroy({ force: true })).toStrictEqual({ status: 'destroyed' })
      }
      const next = handle(withAfterwards(timed.engine, 'create', remove))
      expect(await next.create(rules)).toStrictEqual({ created: true })
      for (let i = 0; i < 9; i++)
        expect(await next.reserve({ buyer: `u${i}`, items })).toMatchObject({ status: 'reserved' })
      expect(await next.audit()).toMatchObject({ ok: true, skus: { a: { total: 9, held: 9 } } })
      await expect(old.stats()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    },
  )

  test('a handle that is used while it creates a sale stays with the one it has created', async () => {
    const timed = await kind.make()
    const rules = { stock: { a: 9 }, holdMs: 1_000 }
    const old = handle(timed.engine)
    await old.create(rules)
    for (let i = 0; i < 9; i++) await old.reserve({ buyer: `u${i}`, items })
    await old.end()
    const next = handle(
      withAfterwards(timed.engine, 'describe', async () => {
        expect(await old.destroy({ force: true })).toStrictEqual({ status: 'destroyed' })
        expect(await next.create(rules)).toStrictEqual({ created: true })
      }),
    )
    expect(await next.stats()).toMatchObject({ skus: { a: { total: 9, held: 0 } } })
    expect(await next.reserve({ buyer: 'ann', items })).toMatchObject({ status: 'reserved' })
    expect(await next.audit()).toMatchObject({ ok: true, skus: { a: { total: 9, held: 1 } } })
  })
})
