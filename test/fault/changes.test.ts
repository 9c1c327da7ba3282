import { expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../src/index.js'
import { changes, changing } from '../support/changes.js'
import { onRedis } from '../support/engines.js'
import { faultOf } from '../support/secrets.js'
import { drop, snapshot } from '../support/snapshot.js'

onRedis('a Redis that loses a change of a sale', (kind) => {
  const everything = '*:launch:*'

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
        const early = await snapshot(kind.client(), everything)
        const { call, isDone } = await begin(sale)
        await sale.stats()
        const goBack = reads ? early : await snapshot(kind.client(), everything)
        await call(sale)
        if (code === 'STATE_LOST') await drop(kind.client(), everything)
        else await goBack()
        await faultOf(sale.stats(), code)
        expect(await sale.recover({ from: 'replay' })).toMatchObject({ refused: [], forgotten: 0 })
        await isDone(open())
        expect((await sale.audit()).violations).toEqual([])
      },
    )
  }
})
