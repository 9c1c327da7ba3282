import { describe, expect, onTestFinished, test } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import { FlashSale, type FlashSaleOptions } from '../../../src/index.js'
import { FakeLedger } from '../../support/fake-ledger.js'
import { faultyEngine } from '../../support/faulty-engine.js'
import { clockedMemory } from '../../support/test-clock.js'

const items = [{ sku: 'a', quantity: 1 }]

/**
 * A sale whose answers wait for a ledger, beside a handle without one; notes which commands the
 * engine was handed.
 */
async function opened(options: Partial<FlashSaleOptions> = {}) {
  const { engine, clock } = await clockedMemory()
  const sent: string[] = []
  const watched = faultyEngine(engine, ({ command }) => {
    sent.push(command)
    return 'answered'
  })
  const ledger = new FakeLedger()
  const handle = () => {
    const sale = new FlashSale('launch', { engine: watched, durability: { ledger }, ...options })
    onTestFinished(() => sale.close())
    return sale
  }
  const plain = new FlashSale('launch', { engine })
  onTestFinished(() => plain.close())
  await plain.create({ stock: { a: 10 }, holdMs: 60_000 })
  const held = async () => {
    const result = await plain.reserve({ buyer: 'before', items })
    if (result.status !== 'reserved') expect.fail(result.status)
    return result.reservation.id
  }
  const confirmed = async () => {
    const id = await held()
    await plain.confirm(id)
    return id
  }
  return { clock, ledger, handle, plain, held, confirmed, sent, take: () => sent.splice(0) }
}

type Stage = Awaited<ReturnType<typeof opened>>

/**
 * What changes a sale. Each is prepared by the handle without a ledger, and made by the one with
 * it.
 */
const changes: Record<string, (stage: Stage) => Promise<(sale: FlashSale) => Promise<{ status: string }>>> = {
  reserve: async () => (sale) => sale.reserve({ buyer: 'u', items }),
  confirm: async ({ held }) => {
    const id = await held()
    return (sale) => sale.confirm(id)
  },
  release: async ({ held }) => {
    const id = await held()
    return (sale) => sale.release(id)
  },
  extend: async ({ held }) => {
    const id = await held()
    return (sale) => sale.extend(id, { holdMs: 70_000 })
  },
  refund: async ({ confirmed }) => {
    const id = await confirmed()
    return (sale) => sale.refund(id, { restock: true })
  },
  restock: async () => (sale) => sale.restock({ sku: 'a', quantity: 1, key: 'k' }),
}

describe.each(Object.keys(changes))('%s', (command) => {
  test('is sent only when the ledger can be written, and answered only when the ledger has it', async () => {
    const stage = await opened()
    const { clock, ledger, take } = stage
    const change = await changes[command]!(stage)
    const sale = stage.handle()
    let open = () => {}
    ledger.open = () =>
      new Promise((resolve) => {
        open = resolve
      })
    let answer: { status: string } | undefined
    const call = change(sale).then((result) => {
      answer = result
    })
    await clock.advance(0)
    expect(take()).not.toContain(command)
    open()
    await clock.advance(0)
    expect(take()).toContain(command)
    expect(answer).toBeUndefined()
    expect(ledger.reaches).toMatchObject([{ partition: 0, deadline: 2_000, tip: { generation: 1 } }])
    ledger.reaches[0]!.resolve()
    await call
    expect(answer!.status).toMatch(/ed$/)
  })

  test('is not sent where the ledger cannot be written', async () => {
    const stage = await opened()
    const change = await changes[command]!(stage)
    const sale = stage.handle()
    const cause = new Error('no disk')
    stage.ledger.open = () => Promise.reject(cause)
    await expect(change(sale)).rejects.toMatchObject({ code: 'UNAVAILABLE', cause })
    expect(stage.take()).not.toContain(command)
  })
})

describe('whether the ledger can be written', () => {
  test('is asked once, and again after each failure', async () => {
    const { ledger, handle } = await opened()
    ledger.hasAll = true
    const sale = handle()
    ledger.open = () => Promise.reject(new Error('no disk'))
    for (let i = 0; i < 2; i++)
      await expect(sale.reserve({ buyer: 'u', items })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(ledger.asked).toBe(2)
    ledger.open = async () => {}
    for (const buyer of ['v', 'w', 'x'])
      expect(await sale.reserve({ buyer, items })).toMatchObject({ status: 'reserved' })
    expect(ledger.asked).toBe(3)
  })

  test('is waited for until the deadline', async () => {
    const { clock, ledger, handle } = await opened({ deadlineMs: 500 })
    ledger.open = () => new Promise(() => {})
    const over: unknown[] = []
    const call = handle()
      .reserve({ buyer: 'u', items })
      .catch((error) => over.push(error))
    await clock.advance(499)
    expect(over).toEqual([])
    await clock.advance(1)
    await call
    expect(over).toMatchObject([{ code: 'UNAVAILABLE', message: expect.stringContaining('did not answer') }])
  })

  test('is told by its own code where it has one, and by the reason of an abort', async () => {
    const { clock, ledger, handle } = await opened()
    const sale = handle()
    const unsafe = new StockholdError('UNSAFE_CONFIG', 'fsync is off')
    ledger.open = () => Promise.reject(unsafe)
    await expect(sale.reserve({ buyer: 'u', items })).rejects.toBe(unsafe)
    ledger.open = () => new Promise(() => {})
    const abort = new AbortController()
    const reason = new Error('no longer wanted')
    const call = sale.reserve({ buyer: 'u', items }, { signal: abort.signal })
    await clock.advance(0)
    abort.abort(reason)
    await expect(call).rejects.toBe(reason)
  })
})

describe('an answer', () => {
  test('that tells of no change waits for nothing, and `get` asks nothing of the ledger', async () => {
    const { ledger, handle, held } = await opened()
    const id = await held()
    const sale = handle()
    expect(await sale.get(id)).toMatchObject({ state: 'held' })
    expect(ledger.asked).toBe(0)
    expect(await sale.confirm(id, { buyer: 'somebody else' })).toEqual({ status: 'not_found' })
    expect(await sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 11 }] })).toMatchObject({
      status: 'sold_out',
    })
    expect(ledger.reaches).toEqual([])
  })

  test('that the ledger has already is told at once', async () => {
    const { ledger, handle } = await opened()
    ledger.hasAll = true
    expect(await handle().reserve({ buyer: 'u', items })).toMatchObject({ status: 'reserved' })
    expect(ledger.reaches).toEqual([])
  })

  test('that the ledger gives up is its failure, and the signal goes along', async () => {
    const { clock, ledger, handle } = await opened()
    const { signal } = new AbortController()
    const call = handle().reserve({ buyer: 'u', items }, { signal })
    const lost = new StockholdError('UNKNOWN_OUTCOME', 'not in time')
    call.catch(() => {})
    await clock.advance(0)
    expect(ledger.reaches[0]!.signal).toBe(signal)
    ledger.reaches[0]!.reject(lost)
    await expect(call).rejects.toBe(lost)
  })

  test('may wait beside as many as the handle may have open; beyond, nothing is sent', async () => {
    const { clock, ledger, handle, take } = await opened({ maxInFlight: 2 })
    const sale = handle()
    const reserve = (buyer: string) => sale.reserve({ buyer, items })
    const first = reserve('u')
    await clock.advance(0)
    const second = reserve('v')
    await clock.advance(0)
    expect(ledger.reaches).toHaveLength(2)
    take()
    await expect(reserve('w')).rejects.toMatchObject({
      code: 'OVERLOADED',
      message: '2 answers wait for the ledger (maxInFlight). Nothing was sent.',
    })
    expect(take()).toEqual([])
    ledger.reaches[0]!.resolve()
    await first
    const third = reserve('x')
    await clock.advance(0)
    ledger.reaches[1]!.reject(new StockholdError('UNKNOWN_OUTCOME', 'not in time'))
    await expect(second).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' })
    ledger.reaches[2]!.resolve()
    expect(await third).toMatchObject({ status: 'reserved' })
  })
})
