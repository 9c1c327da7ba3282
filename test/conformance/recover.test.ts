import { expect, test } from 'vitest'
import type { Reservation } from '../../src/index.js'
import { contextOf } from '../../src/sale/flash-sale.js'
import { recoverInSession } from '../../src/sale/recovery/recover-sale.js'
import { RecoverySession } from '../../src/sale/recovery/recovery-session.js'
import { onRedis } from '../support/engines.js'
import { faultOf } from '../support/secrets.js'
import { onBothEngines, Shop } from '../support/shop.js'
import { snapshot } from '../support/snapshot.js'
import { withPartitions } from '../support/wrapped-engine.js'

/** Somebody has seen what the partition does not know. */
async function freeze(shop: Shop): Promise<void> {
  const lastSeen = { generation: 9, sequence: 1, batchId: 'x' }
  expect(await shop.run('stats', [{}], { lastSeen })).toMatchObject({ outcome: 'rolled_back' })
}

onBothEngines((open) => {
  test.each(['accept', 'replay'] as const)(
    'a frozen sale that lost nothing is as it was, by %s',
    async (from) => {
      const shop = await open()
      const held = await shop.hold('u', 2, { key: 'k' })
      const paid = await shop.confirmed('v')
      await shop.sale.end()
      await freeze(shop)
      const before = await shop.events()
      await faultOf(shop.sale.confirm(held.id), 'ROLLBACK_DETECTED')
      const recovery = await shop.sale.recover({ from })
      expect(recovery).toEqual({
        restored: from === 'replay' ? 2 : 0,
        refused: [],
        forgotten: 0,
        state: 'ended',
      })
      expect(await shop.events()).toEqual(before)
      expect(await shop.sale.get(held.id)).toEqual(held)
      expect(await shop.sale.get(paid.id)).toEqual(paid)
      expect(await shop.counts()).toBe('10 7 2 1')
      expect((await shop.sale.stats()).state).toBe('ended')
    },
  )

  test('a whole sale is left alone, with one of everything there can be', async () => {
    const shop = await open({ stock: { a: 20 }, limitPerBuyer: 20 })
    // The ninth that ended moves to the archive.
    for (let i = 0; i < 9; i++) await shop.sale.release((await shop.hold('u')).id)
    await shop.hold('u')
    await shop.sale.restock({ sku: 'a', quantity: 1, key: 'r' })
    const before = await shop.events()
    await freeze(shop)
    await shop.sale.recover({ from: 'accept' })
    expect(await shop.events()).toEqual(before)
    expect(await shop.audited()).toBe(10)
  })

  test('what was accepted as forgotten is not put back by a later replay', async () => {
    const shop = await open()
    await shop.hold('u')
    await freeze(shop)
    await shop.sale.recover({ from: 'accept' })
    await freeze(shop)
    expect(await shop.sale.recover({ from: 'replay' })).toMatchObject({ restored: 0 })
  })

  test('with unfreeze: false it stays frozen, until a call unfreezes it', async () => {
    const shop = await open()
    await freeze(shop)
    await shop.sale.recover({ from: 'replay', unfreeze: false })
    await faultOf(shop.reserve('u'), 'ROLLBACK_DETECTED')
    await shop.handle().recover({ from: 'accept' })
    await shop.hold('u')
  })

  test('an unfreeze that is tried again does not end a later freeze', async () => {
    const shop = await open()
    await freeze(shop)
    const replay = { from: 'replay', unfreeze: false, paused: false } as const
    const { session } = await recoverInSession(contextOf(shop.sale), replay)
    const unfreeze = session.unfreezing(false)
    await unfreeze()
    await unfreeze()
    await shop.hold('u')
    await freeze(shop)
    await faultOf(unfreeze(), 'ROLLBACK_DETECTED')
    await faultOf(shop.reserve('v'), 'ROLLBACK_DETECTED')
  })

  test('a hold that a recovery makes, ends or extends has the times that its buyer was told', async () => {
    const shop = await open({ holdMs: 60_000 })
    const [now, bypass] = [shop.now(), { bypassFreeze: true }]
    const holds = await Promise.all(['u', 'v', 'w'].map((buyer) => shop.hold(buyer)))
    const [paid, back, longer] = holds.map(({ id }) => ({ id, buyer: null, expiresAt: now + 90_000 }))
    const got = async (id: string) => (await shop.done('get', [{ id }])).answers[0]
    const confirm = { ...paid!, paymentId: 'p', final: true }
    await shop.done('confirm', [confirm], bypass)
    await shop.done('release', [back!], bypass)
    await shop.done('extend', [{ ...longer!, holdMs: 0 }], bypass)
    for (const { id } of holds)
      expect(await got(id)).toMatchObject({ reservation: { expiresAt: now + 90_000 } })
    const times = { createdAt: now - 7_000, expiresAt: now + 5_000 }
    const made = { ...{ id: `${paid!.id.slice(0, -3)}AAA`, buyer: 'u', key: null, holdMs: null }, ...times }
    const op = { ...made, cart: [[0, 1]] as const }
    const { answers } = await shop.done('reserve', [op], bypass)
    expect(answers[0]).toMatchObject({ status: 'reserved', reservation: times })
    expect(await got(op.id)).toMatchObject({ reservation: times })
    await shop.advance(5_000)
    expect(await got(op.id)).toMatchObject({ reservation: { ...times, state: 'expired' } })
  })

  test('a recovery during which others unfreeze the sale does not end a later freeze', async () => {
    const shop = await open()
    await freeze(shop)
    const { client } = contextOf(shop.sale)
    const session = new RecoverySession(client, client.known!)
    await session.rebuild([])
    await shop.handle().recover({ from: 'accept' })
    await freeze(shop)
    await session.replay([])
    await session.look()
    await faultOf(session.unfreezing(false)(), 'ROLLBACK_DETECTED')
  })
})

// What it loses are the keys of partition 0.
onRedis('a server that has lost the sale', (kind) => {
  async function open(stock = 10, limitPerBuyer?: number): Promise<Shop> {
    const shop = new Shop(await kind.make(), 'launch')
    const limit = limitPerBuyer === undefined ? {} : { limitPerBuyer }
    await shop.sale.create({ stock: { a: stock }, holdMs: 60_000, ...limit })
    return shop
  }

  /** The server has lost the sale, and knows nothing of it. */
  async function lose(shop: Shop): Promise<void> {
    const client = kind.client()
    const keys = await client.keys('*:launch:0}:*')
    await client.del(...keys)
    await faultOf(shop.sale.stats(), 'STATE_LOST')
  }

  test('each reservation comes back as it was answered, if a command takes longer than a hold lasts', async () => {
    const timed = await kind.make()
    let takesMs = 0
    const engine = withPartitions(timed.engine, (port) => ({
      run: async (...call) => {
        await timed.advance(takesMs)
        return port.run(...call)
      },
    }))
    const shop = new Shop({ ...timed, engine }, 'launch')
    await shop.sale.create({ stock: { a: 10 }, holdMs: 500, maxHoldMs: 60_000 })
    const released = await shop.hold('a')
    await shop.sale.release(released.id)
    const paid = await shop.confirmed('b')
    const back = await shop.confirmed('c')
    await shop.sale.refund(back.id, { restock: true })
    await lose(shop)
    takesMs = 600
    expect(await shop.sale.recover({ from: 'replay' })).toMatchObject({ restored: 3, refused: [] })
    takesMs = 0
    const stateOf = async ({ id }: { id: string }) => (await shop.sale.get(id))?.state
    expect([await stateOf(released), await stateOf(paid), await stateOf(back)]).toEqual([
      'released',
      'confirmed',
      'refunded',
    ])
    const late = await shop.sale.confirm(released.id, { paymentId: 'p-9' })
    expect(late).toMatchObject({ status: 'refund_due', reason: 'released' })
    expect(await shop.counts()).toBe('10 9 0 1')
  })

  test('each reservation comes back as it was answered, hold and payment included', async () => {
    const shop = await open()
    const held = await shop.hold('a')
    await shop.advance(7)
    const extended = await shop.hold('b', 1, { holdMs: 5_000 })
    await shop.sale.extend(extended.id, { holdMs: 90_000 })
    const ended = await shop.hold('h', 1, { holdMs: 3 })
    const paid = await shop.hold('c')
    await shop.sale.confirm(paid.id, { paymentId: 'p-1' })
    const released = await shop.hold('d')
    await shop.sale.release(released.id)
    const back = await shop.confirmed('e')
    await shop.sale.refund(back.id, { restock: true })
    const away = await shop.confirmed('f')
    await shop.sale.refund(away.id, { restock: false })
    const due = await shop.hold('g')
    await shop.sale.release(due.id)
    await shop.sale.confirm(due.id, { paymentId: 'p-2' })
    await shop.sale.restock({ sku: 'a', quantity: 4, key: 'r' })
    await shop.advance(1_992)
    const counts = await shop.counts()
    const all = [held, extended, ended, paid, released, back, away, due]
    const before = await Promise.all(all.map(({ id }) => shop.sale.get(id)))
    await lose(shop)
    const told = (status: string, reservation: Partial<Reservation>) => ({ status, reservation })
    const recovery = await shop.sale.recover({ from: 'replay' })
    expect(recovery).toEqual({ restored: 8, refused: [], forgotten: 0, state: 'open' })
    expect(await shop.counts()).toBe(counts)
    expect(await Promise.all(all.map(({ id }) => shop.sale.get(id)))).toEqual(before)
    expect(await shop.sale.confirm(paid.id)).toMatchObject(told('confirmed', { paymentId: 'p-1' }))
    expect(await shop.sale.confirm(away.id)).toMatchObject({ status: 'refund_due', reason: 'refunded' })
    expect(await shop.sale.confirm(due.id)).toMatchObject({ status: 'refund_due' })
    await shop.audited()
    // Its now is the server's, to the millisecond.
    expect((await shop.done('get', [{ id: held.id }])).now).toBe(shop.now())
  })

  test('a hold that has expired is known, and its late payment confirmed, but it takes nothing from other buyers', async () => {
    const shop = await open(1)
    const expired = await shop.expired('a')
    await shop.confirmed('b')
    await lose(shop)
    expect(await shop.sale.recover({ from: 'replay' })).toMatchObject({ restored: 2, refused: [] })
    expect(await shop.counts()).toBe('1 0 0 1')
    expect(await shop.sale.confirm(expired.id)).toMatchObject({ status: 'refund_due', reason: 'sold_out' })
    const other = await open(2)
    const late = await other.expired('a')
    await lose(other)
    await other.sale.recover({ from: 'replay' })
    await other.advance(1)
    expect(await other.sale.confirm(late.id)).toMatchObject({ status: 'confirmed', late: true })
  })

  test('due to be paid back, and expired where its release was forgotten: its units are for sale again', async () => {
    const shop = await open(3)
    const due = await shop.hold('a', 2)
    const goBack = await snapshot(kind.client(), '*:launch:0}:*')
    await shop.sale.release(due.id)
    expect(await shop.sale.confirm(due.id, { paymentId: 'p' })).toMatchObject({ reason: 'released' })
    await goBack()
    await faultOf(shop.sale.stats(), 'ROLLBACK_DETECTED')
    await shop.advance(61_000)
    expect(await shop.sale.recover({ from: 'replay' })).toMatchObject({ restored: 1, refused: [] })
    expect(await shop.counts()).toBe('3 3 0 0')
    expect(await shop.sale.confirm(due.id, { paymentId: 'p' })).toMatchObject({ status: 'refund_due' })
    await shop.audited()
  })

  test('due to be paid back, and not put back for lack of units: refused, and due again once there are some', async () => {
    const shop = await open(2)
    const due = await shop.hold('a', 2)
    const other = shop.handle()
    await other.stats()
    await shop.sale.release(due.id)
    await shop.sale.confirm(due.id, { paymentId: 'p' })
    await lose(shop)
    await other.recover({ from: 'accept' })
    const taken = await other.reserve({ buyer: 'c', items: [{ sku: 'a', quantity: 1 }] })
    await freeze(shop)
    const { restored, refused } = await shop.sale.recover({ from: 'replay' })
    expect(restored).toBe(0)
    expect(refused).toMatchObject([{ reservation: { id: due.id }, reason: 'sold_out' }])
    if (!('reservation' in taken)) expect.fail(taken.status)
    await other.release(taken.reservation.id)
    await freeze(shop)
    expect(await shop.sale.recover({ from: 'replay' })).toMatchObject({ restored: 1, refused: [] })
    expect(await shop.sale.confirm(due.id, { paymentId: 'p' })).toMatchObject({ reason: 'released' })
    expect(await shop.counts()).toBe('2 2 0 0')
    await shop.audited()
  })

  test('what was taken out stays out, and no more than that', async () => {
    const shop = await open(10)
    const held = await shop.hold('a', 7)
    expect(await shop.sale.restock({ sku: 'a', quantity: -9, key: 'out' })).toMatchObject({ applied: -3 })
    await shop.sale.release(held.id)
    await lose(shop)
    for (let i = 0; i < 2; i++) {
      await shop.sale.recover({ from: 'replay' })
      expect(await shop.counts()).toBe('7 7 0 0')
    }
  })

  test('paid reservations come before held ones, and each that cannot be restored is named with the reason', async () => {
    const shop = await open(2, 1)
    const held = await shop.hold('a', 1, { key: 'k' })
    const paid = await shop.confirmed('b')
    const other = shop.handle()
    await other.stats()
    await lose(shop)
    await other.recover({ from: 'accept' })
    const item = { sku: 'a', quantity: 1 }
    await other.reserve({ buyer: 'c', items: [item] })
    await freeze(shop)
    const { restored, refused } = await shop.sale.recover({ from: 'replay' })
    expect(restored).toBe(1)
    expect(refused).toMatchObject([{ reservation: { id: held.id }, reason: 'sold_out' }])
    expect(await shop.sale.get(paid.id)).toMatchObject({ state: 'confirmed' })
    await shop.audited()
  })

  test('another reservation by the same key, or up to the limit: replaced, limit_exceeded', async () => {
    const shop = await open(9, 1)
    await shop.hold('a', 1, { key: 'k' })
    await shop.hold('b', 1, { key: 'k' })
    const other = shop.handle()
    await other.stats()
    await lose(shop)
    await other.recover({ from: 'accept' })
    const item = { sku: 'a', quantity: 1 }
    await other.reserve({ buyer: 'a', items: [item], key: 'k' })
    await other.reserve({ buyer: 'b', items: [item], key: 'another' })
    await freeze(shop)
    const { refused } = await shop.sale.recover({ from: 'replay' })
    expect(refused.map(({ reservation, reason }) => [reservation.buyer, reason]).toSorted()).toEqual([
      ['a', 'replaced'],
      ['b', 'limit_exceeded'],
    ])
    await shop.audited()
  })

  test('a sale of which anything is left behind is whole again', async () => {
    for (const part of ['meta', 'stock', 'buckets', 'expiry', 'events', 'archive', 'restocks']) {
      const shop = await open(50, 50)
      for (let i = 0; i < 10; i++) await shop.sale.release((await shop.hold('u')).id)
      await shop.hold('u')
      await shop.sale.restock({ sku: 'a', quantity: 1, key: 'r' })
      const client = kind.client()
      const key = (await client.keys(`*:launch:0}:${part}`)).at(-1)!
      const mine = (await client.keys(`*:launch:0}:${part}`)).filter((name) => name.includes('clock'))
      for (const name of mine.length > 0 ? mine : [key]) await client.del(name)
      await faultOf(shop.sale.stats(), 'STATE_LOST')
      await shop.sale.recover({ from: 'replay' })
      expect(await shop.counts(), part).toBe('51 50 1 0')
      await shop.audited()
      await client.flushall()
    }
  })

  test.each(['rules', 'static', 'live'])(
    'only %s of its meta is gone: made anew all the same',
    async (field) => {
      const shop = await open()
      await shop.hold('u')
      const client = kind.client()
      for (const key of await client.keys('*:launch:0}:meta')) await client.hdel(key, field)
      await shop.sale.recover({ from: 'replay' })
      expect(await shop.counts()).toBe('10 9 1 0')
      expect(await shop.handle().stats()).toMatchObject({ state: 'open' })
    },
  )
})
