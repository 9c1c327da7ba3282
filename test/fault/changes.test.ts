import { expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../src/index.js'
import { changes, changing } from '../support/changes.js'
import { onRedis } from '../support/engines.js'
import { faultOf } from '../support/secrets.js'

onRedis('a Redis that loses a change of a sale', (kind) => {
  /** Everything that Redis has of the sale. */
  async function snapshot() {
    const client = kind.client()
    const keys = await client.keys('*:launch:*')
    return Promise.all(keys.map(async (key) => [key, (await client.dumpBuffer(key))!] as const))
  }

  async function putBack(values: Awaited<ReturnType<typeof snapshot>>): Promise<void> {
    const client = kind.client()
    await client.del(...(await client.keys('*:launch:*')))
    for (const [key, value] of values) await client.restore(key, 0, value)
  }

  for (const [name, { rules, reads, begin }] of Object.entries(changes)) {
    test.each([
      [1, 'of before the change', 'ROLLBACK_DETECTED'],
      [4, 'of before the change', 'ROLLBACK_DETECTED'],
      [1, 'that is empty', 'STATE_LOST'],
      [4, 'that is empty', 'STATE_LOST'],
    ] as const)(
      `${name}: %i partitions come back with a state %s, and replay`,
      async (partitions, _, code) => {
        const { engine } = await kind.make()
        const open = () => {
          const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
          onTestFinished(() => sale.close())
          return sale
        }
        const sale = open()
        await sale.create({ ...changing, ...rules, partitions })
        await sale.stats()
        const empty = await snapshot()
        const { call, isDone } = await begin(sale)
        await sale.stats()
        const before = reads ? empty : await snapshot()
        await call(sale)
        await putBack(code === 'STATE_LOST' ? [] : before)
        await faultOf(sale.stats(), code)
        expect(await sale.recover({ from: 'replay' })).toMatchObject({ refused: [], forgotten: 0 })
        await isDone(open())
        expect((await sale.audit()).violations).toEqual([])
      },
    )
  }
})
