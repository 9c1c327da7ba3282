import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { Given } from '../../../src/cli/command.js'
import { restock } from '../../../src/cli/commands/stock.js'
import { tell, UNKNOWN } from '../../../src/cli/exit-codes.js'
import { FlashSale, memoryEngine } from '../../../src/index.js'
import { faultyEngine } from '../../support/faulty-engine.js'
import { ann, operating } from '../../support/operations.js'

test('an unknown outcome tells the key, with which the repeated command does nothing twice', async () => {
  const inner = memoryEngine()
  const sale = new FlashSale('launch', { engine: inner, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 1 } })
  let isLost = true
  const engine = faultyEngine(inner, ({ command }) =>
    isLost && command === 'restock' ? 'reply lost' : 'answered',
  )
  const notes: string[] = []
  const restocking = (values = {}) =>
    restock({
      ...{ operations: operating(engine), given: new Given(['sale:launch', 'a', '5'], values), actor: ann },
      ...{
        client: new Redis({ lazyConnect: true }),
        engine,
        ledger: undefined,
        note: (text) => void notes.push(text),
        ask: () => Promise.reject(new Error('no question')),
      },
    })
  const told = tell(
    await restocking().then(
      () => 'answered',
      (error) => error,
    ),
  )
  const key = /^key: (restock-\S+)$/.exec(notes[0]!)![1]!
  expect(told).toEqual({
    ...{ exitCode: UNKNOWN, code: 'UNKNOWN_OUTCOME', message: 'lost.', key },
    advice: `Repeat the command with --key ${key}: what was done is not done twice.`,
  })
  isLost = false
  const { value } = await restocking({ key: [key] })
  expect(value).toMatchObject({ key, result: { applied: 5, replayed: true } })
  expect(notes).toHaveLength(1)
  expect((await sale.stats()).skus.a!.total).toBe(6)
})
