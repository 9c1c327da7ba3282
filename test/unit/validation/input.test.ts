import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { FlashSale, memoryEngine, type ReserveRequest } from '../../../src/index.js'
import { labelled, named, noNumber, thrown } from '../../support/invalid.js'
import { watched } from '../../support/watched-engine.js'

const ID = '1AAAAAAAAAAAAAAAAAA'
const { engine, runs } = watched(memoryEngine())
/** One that has learned the sale's rules, and one that has not. */
const sale = new FlashSale('sale', { engine, deadlineMs: 60_000 })
const fresh = new FlashSale('sale', { engine, deadlineMs: 60_000 })
beforeAll(() => sale.create({ stock: { a: 100 }, holdMs: 1_000, maxHoldMs: 5_000 }))
afterAll(async () => {
  await sale.close()
  await fresh.close()
})

/** The call ends as INVALID_ARGUMENT that names the argument, and nothing was sent. */
async function refused(call: () => unknown, argument: string): Promise<void> {
  const before = runs()
  // A promise is rejected, never thrown: only constructors throw.
  const error = await Promise.resolve(call()).then(
    (value) => expect.fail(`resolved with ${inspect(value)}`),
    (reason: unknown) => reason,
  )
  named(error, argument)
  expect(runs()).toBe(before)
}

const huge = 'x'.repeat(1_048_576)
const noId = [
  '',
  '\ud800',
  'a\udc00b',
  'x'.repeat(257),
  'ü'.repeat(129),
  '😀'.repeat(65),
  huge,
  1,
  0,
  NaN,
  1n,
  null,
  true,
  [],
  ['a'],
  {},
  Symbol('s'),
  () => 'a',
  new String('a'),
  Buffer.from('a'),
]

describe.each(labelled([...noNumber, 0, -1, 1_000_000_001, undefined]))(
  'a quantity that is %s',
  (_, value) => {
    const quantity = value as number
    test('is refused on any line, by a handle that knows the rules and by one that does not', async () => {
      for (const handle of [sale, fresh]) {
        await refused(
          () => handle.reserve({ buyer: 'u', items: [{ sku: 'a', quantity }] }),
          'items[0].quantity',
        )
        const second = [
          { sku: 'a', quantity: 1 },
          { sku: 'a', quantity },
        ]
        await refused(() => handle.reserve({ buyer: 'u', items: second }), 'items[1].quantity')
      }
    })

    test('is refused as a length of time', async () => {
      // Years of ms are fine as a number of units; as a time the bound is another.
      const holdMs = value === 1_000_000_001 ? 40_000_000_000 : quantity
      await refused(() => sale.extend(ID, { holdMs }), 'holdMs')
      if (value === undefined) return
      await refused(() => sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }], holdMs }), 'holdMs')
      await refused(() => sale.create({ stock: { a: 1 }, holdMs }), 'holdMs')
      await refused(() => sale.create({ stock: { a: 1 }, maxHoldMs: holdMs }), 'maxHoldMs')
    })

    test('is refused as stock and as a limit', async () => {
      if (value !== 0) await refused(() => sale.create({ stock: { a: quantity } }), 'stock["a"]')
      if (value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value)))
        return
      await refused(() => sale.create({ stock: { a: 1 }, limitPerBuyer: quantity }), 'limitPerBuyer')
      await refused(
        () => sale.create({ stock: { a: 1 }, limitPerBuyer: { a: quantity } }),
        'limitPerBuyer["a"]',
      )
    })

    test('is refused in a restock', async () => {
      if (value !== -1) await refused(() => sale.restock({ sku: 'a', quantity, key: 'k' }), 'quantity')
    })
  },
)

describe.each(labelled(noId))('an id that is %s', (_, value) => {
  const id = value as string
  const items = [{ sku: 'a', quantity: 1 }]
  test('is refused wherever there is one', async () => {
    for (const handle of [sale, fresh]) {
      await refused(() => handle.reserve({ buyer: id, items }), 'buyer')
      await refused(() => handle.reserve({ buyer: 'u', items, key: id }), 'key')
      await refused(() => handle.reserve({ buyer: 'u', items: [{ sku: id, quantity: 1 }] }), 'items[0].sku')
      await refused(() => handle.confirm(id), 'reservationId')
      await refused(() => handle.release(id), 'reservationId')
      await refused(() => handle.get(id), 'reservationId')
      await refused(() => handle.extend(id, { holdMs: 1 }), 'reservationId')
      await refused(() => handle.refund(id, { restock: true }), 'reservationId')
      await refused(() => handle.confirm(ID, { buyer: id }), 'buyer')
      await refused(() => handle.confirm(ID, { paymentId: id }), 'paymentId')
      await refused(() => handle.release(ID, { buyer: id }), 'buyer')
      await refused(() => handle.restock({ sku: id, quantity: 1, key: 'k' }), 'sku')
      await refused(() => handle.restock({ sku: 'a', quantity: 1, key: id }), 'key')
    }
    thrown(() => new FlashSale(id, { engine }), 'id')
  })
})

test.each(labelled(['', '\ud800', 'x'.repeat(257), 'ü'.repeat(129), huge]))(
  'a SKU for sale that is %s',
  async (_, sku) => {
    await refused(() => sale.create({ stock: { [sku as string]: 1 } }), 'stock: a SKU')
  },
)

test('undefined where an id is needed', async () => {
  const items = [{ sku: 'a', quantity: 1 }]
  await refused(() => sale.reserve({ items } as unknown as ReserveRequest), 'buyer')
  await refused(() => sale.reserve({ buyer: 'u', items: [{ quantity: 1 } as never] }), 'items[0].sku')
  await refused(() => sale.get(undefined as never), 'reservationId')
  await refused(() => sale.restock({ sku: 'a', quantity: 1 } as never), 'key')
})

const noObject = [null, undefined, 1, 'text', true, [], Symbol('s'), () => {}]

describe.each(labelled(noObject))('%s instead of an object', (_, value) => {
  const given = value as never
  test('is refused', async () => {
    await refused(() => sale.create(given), 'rules')
    await refused(() => sale.create({ stock: given }), 'stock')
    await refused(() => sale.reserve(given), 'request')
    await refused(() => sale.reserve({ buyer: 'u', items: [given] }), 'items[0]')
    if (!Array.isArray(value)) await refused(() => sale.reserve({ buyer: 'u', items: given }), 'items')
    await refused(() => sale.extend(ID, given), 'options')
    await refused(() => sale.refund(ID, given), 'options')
    await refused(() => sale.restock(given), 'restock')
    if (value !== undefined) {
      await refused(() => sale.confirm(ID, given), 'options')
      await refused(() => sale.release(ID, given), 'options')
    }
    thrown(() => new FlashSale('s', given), 'options')
    thrown(() => new FlashSale('s', { engine: given }), 'engine')
  })
})

test('no items, and more SKUs than a cart may name', async () => {
  await refused(() => sale.reserve({ buyer: 'u', items: [] }), 'items')
  // biome-ignore lint/suspicious/noSparseArray: that is the point
  await refused(() => sale.reserve({ buyer: 'u', items: [, { sku: 'a', quantity: 1 }] as never }), 'items[0]')
  const many = { stock: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`s${i}`, 1])) }
  const wide = new FlashSale('wide', { engine, deadlineMs: 60_000 })
  onTestFinished(() => wide.close())
  await wide.create(many)
  const items = Object.keys(many.stock).map((sku) => ({ sku, quantity: 1 }))
  await refused(() => wide.reserve({ buyer: 'u', items }), 'items')
  expect(await wide.reserve({ buyer: 'u', items: items.slice(1) })).toMatchObject({ status: 'reserved' })
})

test('lines of one SKU that add up to more units than there can be', async () => {
  const half = { sku: 'a', quantity: 600_000_000 }
  await refused(() => sale.reserve({ buyer: 'u', items: [half, half] }), 'items')
})

test('a restock of 0, a refund without a word on its units', async () => {
  await refused(() => sale.restock({ sku: 'a', quantity: 0, key: 'k' }), 'quantity')
  for (const restock of [undefined, null, 0, 1, 'true', {}])
    await refused(() => sale.refund(ID, { restock: restock as never }), 'restock')
})

test('a signal that is none', async () => {
  for (const signal of [null, 1, {}, 'abort', new AbortController()])
    await refused(() => sale.stats({ signal: signal as never }), 'signal')
})

test('a getter that throws rejects the call, and nothing was sent', async () => {
  const trap = (field: string, rest = {}) =>
    Object.defineProperty(rest, field, {
      get() {
        throw new Error('trap')
      },
    }) as never
  const before = runs()
  const calls = [
    () => sale.reserve(trap('buyer', { items: [{ sku: 'a', quantity: 1 }] })),
    () => sale.reserve({ buyer: 'u', items: [trap('quantity', { sku: 'a' })] }),
    () => sale.create(trap('stock')),
    () => sale.restock(trap('key', { sku: 'a', quantity: 1 })),
    () => sale.confirm(ID, trap('buyer')),
    () => sale.stats(trap('signal')),
  ]
  for (const call of calls) await expect(call()).rejects.toThrow('trap')
  expect(runs()).toBe(before)
})

test('a getter that changes its mind is asked once', async () => {
  let asked = 0
  const item = {
    sku: 'a',
    get quantity() {
      return ++asked
    },
  }
  expect(await sale.reserve({ buyer: 'u', items: [item] })).toMatchObject({
    reservation: { items: [{ quantity: 1 }] },
  })
  expect(asked).toBe(1)
})
