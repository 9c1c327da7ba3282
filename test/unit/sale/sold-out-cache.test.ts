import { describe, expect, onTestFinished, test } from 'vitest'
import { type Engine, FlashSale, memoryEngine } from '../../../src/index.js'
import { SoldOutCache } from '../../../src/sale/sold-out-cache.js'
import { watched } from '../../support/watched-engine.js'

async function open(rules: { stock: Record<string, number>; limitPerBuyer?: number }) {
  let now = 1_767_297_600_000
  const { engine, runs } = watched(memoryEngine({ now: () => now }))
  const handle = (on: Engine) => {
    const sale = new FlashSale('launch', { engine: on, deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    return sale
  }
  const sale = handle(engine)
  await sale.create({ holdMs: 60_000, ...rules })
  const reserve = (quantity = 1, rest: { key?: string; sku?: string; buyer?: string } = {}) => {
    const { sku = 'a', buyer = 'u', ...key } = rest
    return sale.reserve({ buyer, items: [{ sku, quantity }], ...key })
  }
  /** How many batches of `reserve` it took. */
  const asked = async (action: () => Promise<unknown>) => {
    const before = runs('reserve')
    await action()
    return runs('reserve') - before
  }
  const advance = (ms: number) => {
    now += ms
  }
  return { sale, other: handle(engine), reserve, asked, advance }
}

describe('requests without a key', () => {
  test('are answered without a call, but for one that asks again from half the time on', async () => {
    const { reserve, asked, advance } = await open({ stock: { a: 0 } })
    const soldOut = { status: 'sold_out', sku: 'a', available: 0, mayReturn: false }
    const answered = (count: number) => async () => {
      const results = await Promise.all(Array.from({ length: count }, () => reserve()))
      expect(results).toStrictEqual(results.map(() => soldOut))
    }
    expect(await asked(() => reserve())).toBe(1)
    expect(await asked(answered(50))).toBe(0)
    advance(99)
    expect(await asked(answered(50))).toBe(0)
    advance(1)
    expect(await asked(answered(50))).toBe(1)
    // What that one heard is as old as its question.
    advance(99)
    expect(await asked(answered(50))).toBe(0)
  })

  test('never by a memory of 200 ms', async () => {
    const { reserve, asked, advance } = await open({ stock: { a: 0 } })
    await reserve()
    advance(200)
    expect(await asked(() => reserve())).toBe(1)
    // An answer from memory does not make the memory younger.
    advance(99)
    expect(await asked(() => reserve())).toBe(0)
    advance(101)
    expect(await asked(() => reserve())).toBe(1)
  })

  test('of any buyer, and of carts with that SKU among others', async () => {
    const { sale, reserve, asked } = await open({ stock: { a: 0, b: 5 } })
    await reserve()
    expect(await asked(() => reserve(1, { buyer: 'v' }))).toBe(0)
    const cart = [
      { sku: 'b', quantity: 1 },
      { sku: 'a', quantity: 1 },
    ]
    expect(await asked(() => sale.reserve({ buyer: 'v', items: cart }))).toBe(0)
    expect(await asked(() => reserve(1, { sku: 'b' }))).toBe(1)
  })

  test('for a quantity that would still fit are asked', async () => {
    const { reserve, asked } = await open({ stock: { a: 3 } })
    expect(await reserve(5)).toMatchObject({ status: 'sold_out', available: 3 })
    expect(await asked(() => reserve(4))).toBe(0)
    expect(await asked(async () => expect(await reserve(3)).toMatchObject({ status: 'reserved' }))).toBe(1)
  })

  test('are asked again after a clock went backwards', async () => {
    const { reserve, asked, advance } = await open({ stock: { a: 0 } })
    await reserve()
    advance(-1)
    expect(await asked(() => reserve())).toBe(1)
  })
})

test('requests with a key always go to the server', async () => {
  const { other, reserve, asked } = await open({ stock: { a: 1 } })
  const held = await reserve(1, { key: 'k' })
  await reserve(1, { buyer: 'v' })
  expect(
    await asked(async () => expect(await reserve(1, { key: 'k' })).toMatchObject({ replayed: true })),
  ).toBe(1)
  expect(await asked(() => reserve(1, { buyer: 'v', key: 'k' }))).toBe(1)
  if (held.status === 'reserved') await other.release(held.reservation.id)
  expect(await reserve(1, { buyer: 'v' })).toMatchObject({ status: 'sold_out' })
  expect(await reserve(1, { buyer: 'v', key: 'k' })).toMatchObject({ status: 'reserved' })
})

describe('what this handle gives back itself is on sale for it at once', () => {
  test('by a release', async () => {
    const { sale, reserve } = await open({ stock: { a: 1 } })
    const held = await reserve()
    await reserve()
    if (held.status !== 'reserved') expect.fail(held.status)
    await sale.release(held.reservation.id)
    expect(await reserve()).toMatchObject({ status: 'reserved' })
  })

  test('by a refund', async () => {
    const { sale, reserve } = await open({ stock: { a: 1 } })
    const held = await reserve()
    if (held.status !== 'reserved') expect.fail(held.status)
    await sale.confirm(held.reservation.id)
    await reserve()
    await sale.refund(held.reservation.id, { restock: true })
    expect(await reserve()).toMatchObject({ status: 'reserved' })
  })

  test('by a restock', async () => {
    const { sale, reserve } = await open({ stock: { a: 0 } })
    await reserve()
    await sale.restock({ sku: 'a', quantity: 1, key: 'k' })
    expect(await reserve()).toMatchObject({ status: 'reserved' })
  })

  test('what another handle gives back, after 200 ms', async () => {
    const { other, reserve, advance } = await open({ stock: { a: 0 } })
    await reserve()
    await other.restock({ sku: 'a', quantity: 1, key: 'k' })
    expect(await reserve()).toMatchObject({ status: 'sold_out' })
    advance(200)
    expect(await reserve()).toMatchObject({ status: 'reserved' })
  })
})

test('other refusals are not remembered', async () => {
  const { sale, reserve, asked } = await open({ stock: { a: 5 }, limitPerBuyer: 1 })
  await reserve()
  expect(await asked(async () => void [await reserve(), await reserve()])).toBe(2)
  await sale.pause()
  expect(await asked(async () => void [await reserve(), await reserve()])).toBe(2)
  await sale.resume()
  await sale.end()
  expect(await asked(async () => void [await reserve(), await reserve()])).toBe(2)
})

test('the age counts from the question, not from its answer; the newest question counts', () => {
  let now = 1_000
  const memory = new SoldOutCache(() => now)
  const answer = { status: 'sold_out', sku: 'a', available: 0, mayReturn: true } as const
  memory.remember(0, answer, 900)
  expect(memory.recall([[0, 1]])).toBeUndefined() // the one that asks again
  expect(memory.recall([[0, 1]])).toBe(answer)
  now = 1_100
  expect(memory.recall([[0, 1]])).toBeUndefined()
  const newer = { ...answer, available: 1 }
  memory.remember(0, newer, 1_050)
  memory.remember(0, answer, 1_000)
  expect(memory.recall([[0, 2]])).toBe(newer)
  expect(memory.recall([[0, 1]])).toBeUndefined()
  memory.forget()
  expect(memory.recall([[0, 2]])).toBeUndefined()
})

test('the cache answers no buyer who wants no more than there may have been, and no call made before units came back', () => {
  const memory = new SoldOutCache(() => 1_000)
  const answer = { status: 'sold_out', sku: 'a', available: 0, mayReturn: true } as const
  memory.remember(0, answer, 950, memory.forgotten, 2)
  expect(memory.recall([[0, 2]])).toBeUndefined()
  expect(memory.recall([[0, 3]])).toBe(answer)
  const { forgotten } = memory
  memory.forget()
  memory.remember(0, answer, 950, forgotten, 0)
  expect(memory.recall([[0, 3]])).toBeUndefined()
})

test('an engine in this process is always asked: its clock may stand still while another handle restocks', async () => {
  const engine = memoryEngine({ now: () => 1_767_297_600_000 })
  const handle = () => {
    const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    return sale
  }
  const sale = handle()
  await sale.create({ stock: { a: 0 } })
  const order = { buyer: 'u', items: [{ sku: 'a', quantity: 1 }] }
  expect(await sale.reserve(order)).toMatchObject({ status: 'sold_out' })
  expect(await sale.reserve(order)).toMatchObject({ status: 'sold_out' })
  await handle().restock({ sku: 'a', quantity: 1, key: 'r' })
  expect(await sale.reserve(order)).toMatchObject({ status: 'reserved' })
})

test.each([Number.NaN, undefined, Number.POSITIVE_INFINITY])(
  'a clock that answers %s is INVALID_ARGUMENT',
  async (now) => {
    const sale = new FlashSale('launch', {
      engine: memoryEngine({ now: () => now as number }),
      deadlineMs: 60_000,
    })
    onTestFinished(() => sale.close())
    await expect(sale.create({ stock: { a: 1 } })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  },
)
