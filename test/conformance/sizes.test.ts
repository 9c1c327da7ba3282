import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cart } from '../../src/engine/engine.js'
import { follow, Seen, until } from '../support/consumers.js'
import { redisKind } from '../support/engines.js'
import { idAt, openPort, type PortPartition } from '../support/port-sale.js'
import { onBothEngines, Shop } from '../support/shop.js'

const LINES = 1_000

/** So many SKUs, and units of each. */
const stockOf = (skus: number, units = 1) =>
  Object.fromEntries(Array.from({ length: skus }, (_, i) => [`seat ${String(i).padStart(5, '0')}`, units]))

/** The largest cart there may be, of the SKUs from one on. */
const cartFrom = (first: number): Cart => Array.from({ length: LINES }, (_, i) => [first + i, 1])

const orders = (count: number, holdMs = 1_000) =>
  Array.from({ length: count }, (_, i) => ({
    id: idAt(0, `b${i}`),
    buyer: `u${i}`,
    cart: cartFrom(i * LINES),
    key: null,
    holdMs,
  }))

onBothEngines((_open, kind) => {
  const open = async (skus: number, units = 1) =>
    (await openPort(await kind.make(), { stock: stockOf(skus, units) }))[0]!

  /** Asks until every item is decided: a call is carried out up to a bound of its work. */
  const all = async (one: PortPartition, command: 'reserve' | 'confirm', ops: readonly object[]) => {
    let left = [...ops]
    while (left.length > 0) {
      const { answers } = await one.done(command, left as never)
      const again = left.filter((_, i) => answers[i]!.status === 'retry')
      expect(again.length).toBeLessThan(left.length)
      left = again
    }
  }

  test('events of carts of 1,000 lines that take the last units are read, by every reader', async () => {
    const one = await open(4 * LINES)
    await all(one, 'reserve', orders(4))
    expect(await one.events()).toHaveLength(4 * (1 + LINES))
    await one.advance(1_000)
    // What has expired is found by those events.
    expect((await one.stats()).skus.every(({ available }) => available === 1)).toBe(true)
    const late = orders(4).map(({ id }) => ({ id, buyer: null, paymentId: 'p', final: true }))
    await all(one, 'confirm', late)
    const events = await one.events()
    expect(events).toHaveLength(4 * (1 + LINES) + 4 + 4 * (1 + LINES))
    const { reservations } = await one.ask('events', { after: 0, reservations: true })
    expect(reservations[0]).toMatchObject({ id: idAt(0, 'b0'), state: 'confirmed', cart: cartFrom(0) })
  })

  test.each([
    ['go to the archive', null, null, 'reserved'],
    ['have expired', 'k', null, 'conflict'],
    ['count for a limit', null, 1, 'limit_exceeded'],
  ])(
    'carts of 1,000 lines that %s when their buyers ask for one unit more',
    async (_, key, limit, status) => {
      const count = 24
      const [one] = await openPort(await kind.make(), { stock: stockOf(LINES, 100), limit })
      const asks = (number: number, cart: Cart) =>
        Array.from({ length: count }, (_, i) => ({
          ...{ id: idAt(0, `b${i}`, number), buyer: `u${i}`, cart, key, holdMs: 1_000 },
        }))
      for (const ask of asks(1, cartFrom(0))) await one!.ask('reserve', ask)
      await one!.advance(key === null ? 1 : 1_000)
      const { answers } = await one!.done('reserve', asks(2, [[0, 1]]))
      const told = new Set(answers.map((answer) => answer.status))
      // One call does its share; the memory engine keeps no server from others.
      expect(told).toEqual(new Set(kind.name === 'redis' ? [status, 'retry'] : [status]))
      await all(one!, 'reserve', asks(3, [[0, 1]]))
    },
  )

  test('pages of events with carts of 1,000 lines tell of every reservation, however many pages that takes', async () => {
    const count = 200
    const one = await open(LINES, count + 1)
    const told = new Set<string>()
    for (let i = 0; i < count; i++) {
      const id = idAt(0, `b${i}`)
      await one.ask('reserve', { id, buyer: `u${i}`, cart: cartFrom(0), key: null, holdMs: 9_000 })
    }
    let pages = 0
    for (let after = 0; ; pages++) {
      const page = await one.ask('events', { after, reservations: true })
      if (page.events.length === 0) break
      after = page.events.at(-1)!.sequence
      const ids = new Set(page.reservations.map(({ id }) => id))
      for (const event of page.events) if ('id' in event) expect(ids).toContain(event.id)
      for (const id of ids) told.add(id)
    }
    expect(told.size).toBe(count)
    // The memory engine hands out what it has; a reply has a bound.
    if (kind.name === 'redis') expect(pages).toBeGreaterThan(1)
  })

  test('a sale of 10,000 SKUs is counted, scanned and audited', async () => {
    const shop = new Shop(await kind.make(), 'launch')
    await shop.sale.create({ stock: stockOf(10_000), limitPerBuyer: 1 })
    const cart = Array.from({ length: LINES }, (_, i) => ({
      sku: `seat ${String(10 * i).padStart(5, '0')}`,
      quantity: 1,
    }))
    const held = await shop.hold('u', cart)
    expect(await shop.reserve('u', cart.slice(-1))).toMatchObject({ status: 'limit_exceeded', taken: 1 })
    await shop.sale.confirm(held.id)
    const { skus } = await shop.sale.stats()
    expect(Object.values(skus).filter(({ confirmed }) => confirmed === 1)).toHaveLength(LINES)
    expect(await shop.audited()).toBe(1)
    // The counts come with the last page.
    const first = await shop.ask('scan', { cursor: '0' })
    expect(first).toMatchObject({ cursor: '0', skus: { length: 10_000 } })
  })

  test('10,000 numbered seats over 4 partitions: bought in carts of 1,000, followed, and proved', async () => {
    const shop = new Shop(await kind.make(), 'launch')
    await shop.sale.create({ stock: stockOf(10_000), partitions: 4 })
    const cart = (first: number) =>
      Array.from({ length: LINES }, (_, i) => ({
        sku: `seat ${String(first + i).padStart(5, '0')}`,
        quantity: 1,
      }))
    const ids: string[] = []
    for (let first = 0; first < 10_000; first += LINES) {
      const { id } = await shop.hold(`buyer ${first}`, cart(first), { holdMs: 60_000 })
      expect(await shop.sale.confirm(id)).toMatchObject({ status: 'confirmed' })
      ids.push(id)
    }
    const seen = new Seen()
    const consumer = follow(shop.sale, {}, (event) => {
      if (event.reservation) seen.note(event)
    })
    await until(() => seen.events.length === 2 * ids.length)
    await consumer.close()
    expect(seen.byReservation().size).toBe(ids.length)
    for (const { reservation } of seen.events) expect(reservation!.items).toHaveLength(LINES)
    const { skus } = await shop.sale.stats()
    expect(Object.values(skus).every(({ confirmed, inTransit }) => confirmed === 1 && inTransit === 0)).toBe(
      true,
    )
    expect(await shop.audited()).toBe(ids.length)
  })
})

describe('a server that has lost the sale', () => {
  const kind = redisKind()
  beforeAll(kind.start)
  afterAll(kind.stop)

  test('gets carts of 1,000 lines back, over partitions', async () => {
    const shop = new Shop(await kind.make(), 'lost')
    await shop.sale.create({ stock: stockOf(10_000), partitions: 3, holdMs: 60_000 })
    const cart = (first: number) =>
      Array.from({ length: LINES }, (_, i) => ({
        sku: `seat ${String(first + i).padStart(5, '0')}`,
        quantity: 1,
      }))
    const held = await shop.hold('u', cart(0))
    const paid = await shop.confirmed('v', cart(4_000))
    const client = kind.client()
    await client.del(...(await client.keys('*:lost:*')))
    const recovery = await shop.sale.recover({ from: 'replay' })
    expect(recovery).toMatchObject({ restored: 2, refused: [] })
    expect(await shop.sale.get(held.id)).toMatchObject({ items: held.items, state: 'held' })
    expect(await shop.sale.get(paid.id)).toMatchObject({ items: paid.items, state: 'confirmed' })
    expect(await shop.audited()).toBe(2)
  })
})
