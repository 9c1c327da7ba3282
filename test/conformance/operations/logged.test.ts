import { expect, test } from 'vitest'
import { faultyEngine } from '../../support/faulty-engine.js'
import { ann, logLines, operating, withLog } from '../../support/operations.js'
import { onBothEngines } from '../../support/shop.js'

onBothEngines((open) => {
  test('an operation is logged: the operator, the reason, what was asked and answered', async () => {
    const shop = await open()
    const at = shop.clock.now()
    const operations = operating(shop.clock.engine)
    const done = await operations.restock('launch', { sku: 'a', quantity: 5, key: 'k' }, ann)
    const result = { status: 'restocked', sku: 'a', applied: 5, replayed: false }
    expect(done).toEqual({ operation: 'restock', target: 'sale:launch', result, logged: true })
    expect(await operations.log()).toEqual([
      {
        ...{ id: expect.any(String), number: 1, at, endedAt: at, by: 'ann', reason: ann.reason },
        ...{ operation: 'restock', target: 'sale:launch', arguments: { sku: 'a', quantity: 5, key: 'k' } },
        ...{ outcome: 'done', result },
      },
    ])
    // Another process reads the same.
    expect(await logLines(operating(shop.clock.engine))).toEqual(['restock sale:launch done'])
  })

  test('a failed operation is logged with its error', async () => {
    const shop = await open()
    const operations = operating(shop.clock.engine)
    const failed = operations.move('launch', { from: 'a', to: 'b', quantity: 1, key: 'k' }, ann)
    await expect(failed).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    const [entry] = await operations.log()
    expect(entry).toMatchObject({
      operation: 'move',
      outcome: 'failed',
      result: { code: 'INVALID_ARGUMENT' },
    })
    expect((entry!.result as { message: string }).message).toContain('"b"')
  })

  test('an operation of unknown outcome is logged as unknown; its repetition with the key as done', async () => {
    const shop = await open()
    let isLost = true
    const engine = faultyEngine(shop.clock.engine, ({ command }) =>
      isLost && command === 'restock' ? 'reply lost' : 'answered',
    )
    const operations = operating(engine)
    const restock = () => operations.restock('launch', { sku: 'a', quantity: 5, key: 'k' }, ann)
    await expect(restock()).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' })
    isLost = false
    expect((await restock()).result).toMatchObject({ applied: 5, replayed: true })
    expect(await logLines(operations)).toEqual(['restock sale:launch unknown', 'restock sale:launch done'])
    expect((await shop.sale.stats()).skus.a!.total).toBe(15)
  })

  test.each(['twice', 'reply lost', 'away'] as const)(
    'a log whose first calls fare so (%s) has one entry',
    async (fate) => {
      const shop = await open()
      let left = 2
      const engine = withLog(shop.clock.engine, () => (left-- > 0 ? fate : 'answered'))
      const operations = operating(engine)
      expect(await operations.pause('launch', ann)).toMatchObject({
        result: { state: 'paused' },
        logged: true,
      })
      expect(await logLines(operations)).toEqual(['pause sale:launch done'])
    },
  )

  test('an operation whose beginning could not be logged has a whole entry by its outcome', async () => {
    const shop = await open()
    const engine = withLog(shop.clock.engine, ({ ended }) => (ended === null ? 'refused' : 'answered'))
    const operations = operating(engine)
    expect((await operations.pause('launch', ann)).logged).toBe(true)
    expect(await operations.log()).toMatchObject([{ by: 'ann', operation: 'pause', outcome: 'done' }])
  })

  test('a process that dies in the middle leaves an entry without an outcome', async () => {
    const shop = await open()
    const engine = withLog(shop.clock.engine, ({ ended }) => (ended === null ? 'answered' : 'refused'))
    const done = await operating(engine).pause('launch', ann)
    expect(done).toMatchObject({ result: { state: 'paused' }, logged: false })
    const [entry] = await operating(shop.clock.engine).log()
    expect(entry).toMatchObject({ operation: 'pause', outcome: 'begun', result: null, endedAt: null })
  })

  test('a log that cannot be written stops no operation', async () => {
    const shop = await open()
    const operations = operating(withLog(shop.clock.engine, () => 'refused'))
    expect((await operations.pause('launch', ann)).logged).toBe(false)
    expect((await shop.sale.stats()).state).toBe('paused')
  })

  test('the log outlasts the sale', async () => {
    const shop = await open()
    const operations = operating(shop.clock.engine)
    await operations.end('launch', ann)
    await operations.destroy('launch', {}, ann)
    expect(await operations.list()).toEqual([])
    expect(await logLines(operations)).toEqual(['end sale:launch done', 'destroy sale:launch done'])
  })

  test('what is long is cut', async () => {
    const shop = await open()
    const operations = operating(shop.clock.engine)
    const stock = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`sku ${i} 🥭`, 1]))
    await operations.update('launch', { stock }, ann)
    const [entry] = await operations.log()
    expect(entry!.arguments).toMatch(/^\{"stock":\{"sku 0 🥭":1,.{1900,2000}…$/)
    expect(entry!.result).toEqual({ revision: 1, replayed: false })
  })

  test('an operator without a name does nothing', async () => {
    const shop = await open()
    const operations = operating(shop.clock.engine)
    for (const actor of [{ by: '' }, {}, undefined, { by: 'ann', why: 'x' }, { by: 'ann', reason: 5 }])
      await expect(operations.pause('launch', actor as never)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      })
    expect(await operations.log()).toEqual([])
    expect((await shop.sale.stats()).state).toBe('open')
  })
})
