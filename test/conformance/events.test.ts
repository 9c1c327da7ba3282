import { expect, test } from 'vitest'
import type { Op } from '../../src/engine/engine.js'
import { makeId } from '../../src/engine/reservation-id.js'
import { idAt, openPort, type PortPartition } from '../support/port-sale.js'
import { onBothEngines } from '../support/shop.js'

const page = (one: PortPartition, after: number, reservations = false) =>
  one.ask('events', { after, reservations })

/**
 * Orders of buyers who share a bucket; with more than it holds, those that have ended go to the
 * archive.
 */
const orders = (count: number): Op<'reserve'>[] =>
  Array.from({ length: count }, (_, i) => ({
    id: idAt(0, 'same', i),
    buyer: `u${i}`,
    cart: [[0, 1]],
    key: i % 2 ? `k${i}` : null,
    holdMs: 1_000,
  }))

onBothEngines((_open, kind) => {
  const open = async (rules: Parameters<typeof openPort>[1] = {}) =>
    (await openPort(await kind.make(), rules))[0]!

  test('with the reservations that the events speak of, each once, as they are now', async () => {
    const one = await open({ stock: { a: 5, b: 5 } })
    const u = await one.hold('u', [
      [0, 2],
      [1, 1],
    ])
    const v = await one.hold('v', [[1, 1]])
    await one.ask('extend', { id: u.id, holdMs: 5_000 })
    await one.ask('confirm', { id: u.id, buyer: null, paymentId: 'p', final: true })
    await one.ask('restock', { sku: 0, quantity: 1, key: 'k', final: true })
    await one.ask('control', { action: 'pause' })
    const all = await page(one, 0, true)
    expect(all.events.map(({ type }) => type)).toEqual([
      'reserved',
      'reserved',
      'extended',
      'confirmed',
      'restocked',
      'paused',
    ])
    const paid = { ...u, state: 'confirmed', expiresAt: u.createdAt + 5_000, paymentId: 'p' }
    expect([...all.reservations].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([paid, v])
    // Of the page, not of the sale.
    expect((await page(one, 2, true)).reservations).toEqual([paid])
    expect((await page(one, 4, true)).reservations).toEqual([])
    expect((await page(one, 6, true)).reservations).toEqual([])
    const without = await page(one, 0)
    expect(without.reservations).toEqual([])
    expect(without.events).toEqual(all.events)
  })

  test('a hold that has expired and was not swept is as it is stored', async () => {
    const one = await open()
    const held = await one.hold('u')
    await one.advance(1_000)
    expect((await page(one, 0, true)).reservations).toEqual([held])
    await one.stats()
    const { events, reservations } = await page(one, 0, true)
    expect(events.map(({ type }) => type)).toEqual(['reserved', 'expired'])
    expect(reservations).toEqual([{ ...held, state: 'expired' }])
  })

  test('also those that have ended long ago, in whatever state', async () => {
    const one = await open({ stock: { a: 200 } })
    const asked = orders(120)
    for (let i = 0; i < asked.length; i += 40) await one.done('reserve', asked.slice(i, i + 40))
    const ids = asked.map(({ id }) => id)
    const some = (from: number, to: number) => ids.slice(from, to).map((id) => ({ id, buyer: null }))
    await one.done('release', some(0, 40))
    await one.done(
      'confirm',
      some(40, 80).map((op) => ({ ...op, paymentId: `p ${op.id}`, final: true })),
    )
    await one.done(
      'refund',
      some(40, 60).map(({ id }) => ({ id, restock: true })),
    )
    await one.advance(1_000)
    await one.stats()
    await one.done('reserve', [{ ...asked[0]!, id: idAt(0, 'same', 999), key: null }])
    const found = new Map<string, unknown>()
    for (let after = 0; ; ) {
      const { events, reservations } = await page(one, after, true)
      if (events.length === 0) break
      after = events.at(-1)!.sequence
      expect(new Set(reservations.map(({ id }) => id))).toEqual(
        new Set(events.flatMap((event) => ('id' in event ? [event.id] : []))),
      )
      expect(reservations.length).toBe(new Set(reservations.map(({ id }) => id)).size)
      for (const reservation of reservations) found.set(reservation.id, reservation)
    }
    expect(found.size).toBe(121)
    for (const [id, reservation] of found)
      expect(await one.ask('get', { id })).toEqual({ status: 'found', reservation })
  })

  test('of hundreds of buyers, in several entries: all on one page, each as it is', async () => {
    const one = await open({ stock: { a: 9_999 } })
    const made = Array.from({ length: 540 }, (_, i) => ({
      id: idAt(0, `b${i}`, i),
      ...{ buyer: `u${i}`, cart: [[0, 1 + (i % 7)]] as const, key: null, holdMs: 1_000 },
    }))
    for (let i = 0; i < made.length; i += 135) await one.done('reserve', made.slice(i, i + 135))
    const { events, reservations } = await page(one, 0, true)
    expect(events.length).toBe(made.length)
    expect(reservations.map(({ id, buyer, cart }) => ({ id, buyer, cart }))).toEqual(
      made.map(({ id, buyer, cart }) => ({ id, buyer, cart })),
    )
  })

  test('also of hundreds that have ended long ago, on one page', async () => {
    const one = await open({ stock: { a: 9_999 } })
    const made = orders(420).map((op) => ({ ...op, key: null }))
    for (let i = 0; i < made.length; i += 140) {
      const some = made.slice(i, i + 140)
      await one.done('reserve', some)
      await one.done(
        'release',
        some.map(({ id }) => ({ id, buyer: null })),
      )
    }
    const released = (await page(one, 420, true)).events
    expect(released.length).toBeGreaterThan(0)
    const { events, reservations } = await page(one, 0, true)
    const spoken = new Set(events.flatMap((event) => ('id' in event ? [event.id] : [])))
    expect(spoken.size).toBeGreaterThan(300)
    expect(reservations.map(({ id }) => id).sort()).toEqual([...spoken].sort())
    for (const { state } of reservations) expect(state).toBe('released')
  })

  test('a buyer hides no reservation by a key or a payment that contains its nonce', async () => {
    const one = await open({ stock: { a: 200 } })
    const nonces = Array.from({ length: 40 }, (_, i) => `none${String(i).padStart(2, '0')}`)
    const ids = nonces.map((nonce) => makeId(0, 'same----', Buffer.from(nonce).toString('base64url')))
    // Every text that a client chooses, but for one's own nonce: as a prefix of it, it would be
    // found first.
    const others = (i: number) => nonces.filter((_, j) => j !== i).join('')
    for (const [i, id] of ids.entries()) {
      const op = {
        id,
        buyer: `u ${others(i)}`,
        key: `k ${others(i)}`,
        cart: [[0, 1]],
        holdMs: 1_000,
      } as const
      await one.ask('reserve', op)
      await one.ask('release', { id, buyer: null })
      await one.ask('confirm', { id, buyer: null, paymentId: `p ${others(i)}`, final: true })
    }
    const { events, reservations } = await page(one, 0, true)
    expect(events).toHaveLength(3 * ids.length)
    expect(new Set(reservations.map(({ id }) => id))).toEqual(new Set(ids))
    for (const reservation of reservations)
      expect(await one.ask('get', { id: reservation.id })).toEqual({ status: 'found', reservation })
  })

  test('several in one batch, with and without', async () => {
    const one = await open()
    const held = await one.hold('u')
    await one.hold('v')
    const { answers } = await one.done('events', [
      { after: 0, reservations: false },
      { after: 1, reservations: true },
      { after: 0, reservations: true },
      { after: 2, reservations: true },
    ])
    expect(answers.map(({ events }) => events.map(({ sequence }) => sequence))).toEqual([
      [1, 2],
      [2],
      [1, 2],
      [],
    ])
    expect(answers.map(({ reservations }) => reservations.length)).toEqual([0, 1, 2, 0])
    expect(answers[2]!.reservations).toContainEqual(held)
  })

  test('a page has an end, and one of whole calls', async () => {
    const one = await open({ stock: { a: 20_000 } })
    const asked = orders(12_000).map((op, i) => ({ ...op, id: idAt(0, `b${i % 400}`, i) }))
    for (let i = 0; i < asked.length; i += 250) await one.done('reserve', asked.slice(i, i + 250))
    const first = await page(one, 0)
    expect(first.events.length).toBeGreaterThanOrEqual(250)
    expect(first.events.length).toBeLessThan(10_000)
    expect(first.events.length % 250).toBe(0)
    const middle = await page(one, 101)
    expect(middle.events[0]!.sequence).toBe(102)
    expect((await one.events()).map(({ sequence }) => sequence)).toEqual(asked.map((_, i) => i + 1))
  })

  test('the generation, and where it left the one before', async () => {
    const one = await open({ stock: { a: 9 } })
    const history = async () => {
      const { generation, since } = await page(one, 0)
      return { generation, since }
    }
    expect(await history()).toEqual({ generation: 1, since: 0 })
    await one.hold('u')
    await one.hold('v')
    expect(await history()).toEqual({ generation: 1, since: 0 })
    const bypassFreeze = { bypassFreeze: true }
    const freeze = async (line: number) => {
      const lastSeen = { generation: line, sequence: 99, batchId: 'unheard of' }
      expect((await one.run('stats', [{}], { lastSeen })).outcome).toBe('rolled_back')
    }
    // Whoever only reads freezes nothing.
    const seen = { generation: 1, sequence: 99, batchId: 'unheard of' }
    expect((await one.run('events', [{ after: 0, reservations: false }], { lastSeen: seen })).outcome).toBe(
      'rolled_back',
    )
    expect(await history()).toEqual({ generation: 1, since: 0 })
    await freeze(1)
    expect(await history()).toEqual({ generation: 1, since: 2 })
    // What a recovery writes is told on the line that ends, behind the point that both have in
    // common.
    const id = idAt(0, 'w')
    await one.ask('reserve', { id, buyer: 'w', cart: [[0, 1]], key: null, holdMs: 1_000 }, bypassFreeze)
    await freeze(1)
    expect(await history()).toEqual({ generation: 1, since: 2 })
    await one.ask(
      'control',
      { action: 'unfreeze', recovered: [{ generation: 1, sequence: 0, batchId: '' }], after: 0 },
      bypassFreeze,
    )
    expect(await history()).toEqual({ generation: 2, since: 2 })
    expect((await one.events()).map(({ sequence }) => sequence)).toEqual([1, 2, 3])
    await one.hold('x')
    await freeze(2)
    await one.ask(
      'control',
      { action: 'unfreeze', recovered: [{ generation: 2, sequence: 0, batchId: '' }], after: 0 },
      bypassFreeze,
    )
    expect(await history()).toEqual({ generation: 3, since: 4 })
  })

  test('a sale that freezes with expired holds freezes before they are swept', async () => {
    const one = await open()
    await one.hold('u')
    await one.advance(1_000)
    const lastSeen = { generation: 1, sequence: 99, batchId: 'unheard of' }
    expect((await one.run('stats', [{}], { lastSeen })).outcome).toBe('rolled_back')
    expect(await page(one, 0)).toMatchObject({ since: 1, events: [{ type: 'reserved' }] })
  })
})
