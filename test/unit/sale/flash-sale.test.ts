import { describe, expect, onTestFinished, test } from 'vitest'
import { type Engine, FlashSale, memoryEngine, type StockholdError } from '../../../src/index.js'
import { sourceOf } from '../../../src/sale/flash-sale.js'
import { faultyEngine } from '../../support/faulty-engine.js'
import { clockedMemory } from '../../support/test-clock.js'
import { watched } from '../../support/watched-engine.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const item = [{ sku: 'a', quantity: 1 }]

/** An engine that cannot be reached until it is let. */
function gated(engine: Engine) {
  let open = () => {}
  let gate: Promise<void> | undefined = new Promise((resolve) => {
    open = () => {
      gate = undefined
      resolve()
    }
  })
  return { away: withPartitions(engine, () => ({ ready: () => gate })), open }
}

function handle(engine: Engine, options: { deadlineMs?: number; maxInFlight?: number } = {}): FlashSale {
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000, ...options })
  onTestFinished(() => sale.close())
  return sale
}

describe('a handle that does not know the rules yet', () => {
  test('asks in one item, and sends what needed it in one batch, of up to 256', async () => {
    const engine = memoryEngine()
    await handle(engine).create({ stock: { a: 500 } })
    const sent: string[] = []
    const noted = faultyEngine(engine, ({ command, ops }) => {
      if (command !== 'sweep') sent.push(`${command} ${ops.length}`)
      return 'answered'
    })
    const sale = handle(noted)
    const confirm = () => sale.confirm('1AAAAAAAAAAAAAAAAAA')
    await Promise.all(Array.from({ length: 256 }, confirm))
    expect(sent).toEqual(['describe 1', 'confirm 256'])
  })

  test('asks for them once, however many calls need them', async () => {
    const { engine, runs } = watched(memoryEngine())
    await handle(engine).create({ stock: { a: 50 } })
    const sale = handle(engine)
    const calls = Array.from({ length: 50 }, (_, i) => sale.reserve({ buyer: `u${i}`, items: item }))
    await Promise.all(calls)
    expect(runs('describe')).toBe(1)
    expect(runs('reserve')).toBe(1)
  })

  test('asks again after it could not learn them', async () => {
    const { engine, runs } = watched(memoryEngine())
    const sale = handle(engine)
    await expect(sale.stats()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await handle(engine).create({ stock: { a: 1 } })
    expect((await sale.stats()).state).toBe('open')
    expect(runs('describe')).toBe(2)
  })

  test('does not read them again for names that no rules have, and at once for a new one', async () => {
    const { engine, runs } = watched(memoryEngine())
    const other = handle(engine)
    await other.create({ stock: { a: 1 } })
    const sale = handle(engine)
    await sale.stats()
    const asked = (sku: string) => sale.reserve({ buyer: 'u', items: [{ sku, quantity: 1 }] })
    const reads = runs('describe')
    for (let i = 0; i < 20; i++)
      await expect(asked(`no such ${i}`)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(runs('describe')).toBe(reads)
    await other.update({ stock: { b: 1 } })
    const read = runs('describe')
    expect((await asked('b')).status).toBe('reserved')
    expect(runs('describe')).toBe(read + 1)
  })

  test('an abort ends the wait for them: nothing was sent, the reason is the error', async () => {
    const engine = memoryEngine()
    await handle(engine).create({ stock: { a: 1 } })
    const { away, open } = gated(engine)
    const sale = handle(away, { deadlineMs: 400 })
    const abort = new AbortController()
    const reason = new Error('no longer wanted')
    const calls = [
      sale.reserve({ buyer: 'u', items: item }, { signal: abort.signal }),
      sale.stats({ signal: abort.signal }),
      sale.confirm('1AAAAAAAAAAAAAAAAAA', { signal: abort.signal }),
    ]
    const settled = Promise.allSettled(calls)
    abort.abort(reason)
    expect(await settled).toEqual(calls.map(() => ({ status: 'rejected', reason })))
    open()
    expect((await handle(engine).stats()).skus.a).toMatchObject({ available: 1 })
  })

  test('one caller’s abort is not the others’', async () => {
    const engine = memoryEngine()
    await handle(engine).create({ stock: { a: 5 } })
    const { away, open } = gated(engine)
    const sale = handle(away)
    const abort = new AbortController()
    const aborted = sale.stats({ signal: abort.signal })
    aborted.catch(() => {})
    const other = sale.reserve({ buyer: 'u', items: item })
    abort.abort(new Error('no longer wanted'))
    open()
    await expect(aborted).rejects.toThrow('no longer wanted')
    expect(await other).toMatchObject({ status: 'reserved' })
  })

  test('maxInFlight holds for what waits for them too: OVERLOADED', async () => {
    const engine = memoryEngine()
    await handle(engine).create({ stock: { a: 5 } })
    const { away, open } = gated(engine)
    const sale = handle(away, { maxInFlight: 2 })
    const calls = Array.from({ length: 5 }, (_, i) => sale.reserve({ buyer: `u${i}`, items: item }))
    const settled = Promise.allSettled(calls)
    open()
    const codes = (await settled).map((result) =>
      result.status === 'rejected' ? result.reason.code : result.value.status,
    )
    expect(codes.filter((code) => code === 'reserved')).toHaveLength(2)
    expect(codes.filter((code) => code === 'OVERLOADED')).toHaveLength(3)
  })

  test('is UNAVAILABLE by its deadline where they cannot be learned', async () => {
    const { clock, engine } = await clockedMemory()
    const { away } = gated(engine)
    const sale = handle(away, { deadlineMs: 30 })
    const calls = [sale.stats(), sale.reserve({ buyer: 'u', items: item }), sale.create({ stock: { a: 1 } })]
    const reason = { code: 'UNAVAILABLE', retryable: true }
    expect(await clock.during(Promise.allSettled(calls))).toMatchObject(
      calls.map(() => ({ status: 'rejected', reason })),
    )
  })
})

test('an engine that answers nothing: UNKNOWN_OUTCOME by the deadline', async () => {
  const { clock, engine } = await clockedMemory()
  let silent = false
  const sale = handle(
    faultyEngine(engine, () => (silent ? 'hangs' : 'answered')),
    { deadlineMs: 30 },
  )
  await sale.create({ stock: { a: 5 } })
  silent = true
  for (let round = 0; round < 3; round++)
    await expect(clock.during(sale.reserve({ buyer: 'u', items: item, key: 'k' }))).rejects.toMatchObject({
      code: 'UNKNOWN_OUTCOME',
    })
  silent = false
  expect(await sale.reserve({ buyer: 'u', items: item, key: 'k' })).toMatchObject({ status: 'reserved' })
})

test('of a sale of one partition a fault names no partition', async () => {
  const engine = memoryEngine()
  await handle(engine).create({ stock: { a: 5 } })
  const sale = handle(faultyEngine(engine, ({ command }) => (command === 'stats' ? 'refused' : 'answered')))
  const fault = await sale.stats().catch((error: StockholdError) => error)
  expect(fault).toMatchObject({ code: 'UNAVAILABLE', message: expect.not.stringMatching(/partition/i) })
})

test('consumers and ledgers reach the events of a sale by the handle, and no other code does', async () => {
  const sale = handle(memoryEngine())
  await sale.create({ stock: { a: 5 } })
  await sale.reserve({ buyer: 'ann', items: item })
  expect((await sourceOf(sale).read(0, 0)).events).toMatchObject([{ type: 'reserved' }])
  expect(Object.values(sale)).not.toContain(sourceOf(sale))
})
