import { expect } from 'vitest'
import type { StoredReservation } from '../../src/engine/engine.js'
import { AcknowledgementCache } from '../../src/sale/acknowledgement-cache.js'
import { FakeLedger } from '../support/fake-ledger.js'
import { testOfOne } from '../support/several.js'
import { onBothEngines, type Shop } from '../support/shop.js'

/** A process has seen what the sale has forgotten. */
async function freeze(shop: Shop): Promise<void> {
  const lastSeen = { generation: 9, sequence: 1, batchId: 'x' }
  expect(await shop.run('stats', [{}], { lastSeen })).toMatchObject({ outcome: 'rolled_back' })
}

/**
 * Recovers the sale by what one process was told before the loss. The sale itself has what a
 * process that knew less has done since.
 */
async function recovered(shop: Shop, know: (known: AcknowledgementCache) => void) {
  const known = new AcknowledgementCache()
  know(known)
  await freeze(shop)
  const { rules, incarnation } = await shop.ask('describe', {})
  const ledger = new FakeLedger()
  ledger.record = { rules, incarnation, lastSeen: [null], recoverySource: async () => known }
  const { refused } = await shop.handle().recover({ from: ledger })
  await shop.audited()
  return refused.map(({ reservation: { id }, reason }) => `${id} ${reason}`)
}

async function stored(shop: Shop, id: string): Promise<StoredReservation> {
  const found = await shop.ask('get', { id })
  if (found.status !== 'found') expect.fail(found.status)
  return found.reservation
}

async function moved(shop: Shop, id: string, to: string): Promise<string> {
  const result = await shop.sale.transfer(id, { to })
  if (result.status !== 'transferred') expect.fail(result.status)
  return result.reservation.id
}

const due = async (shop: Shop, id: string) =>
  (await shop.news()).flatMap((event) =>
    event.type === 'refund_due' ? [[event.id === id, event.further?.paymentId]] : [],
  )

onBothEngines((open) => {
  testOfOne(
    'an order of which an older hold survived is paid for where that was transferred to',
    async () => {
      const shop = await open()
      const { id } = await shop.hold('guest', 2)
      const told = await stored(shop, id)
      const present = await moved(shop, id, 'ann')
      const refused = await recovered(shop, (known) =>
        known.note({ ...told, state: 'confirmed', paymentId: 'p1' }),
      )
      expect(refused).toEqual([])
      expect(await shop.counts()).toBe('10 8 0 2')
      expect(await shop.sale.get(id)).toMatchObject({ id: present, buyer: 'ann', state: 'confirmed' })
      await shop.news()
      expect(await shop.sale.confirm(id, { paymentId: 'p2' })).toMatchObject({ reason: 'duplicate_payment' })
      expect(await shop.sale.confirm(id, { paymentId: 'p1' })).toMatchObject({ status: 'confirmed' })
      expect(await due(shop, present)).toEqual([[true, 'p2']])
    },
  )

  testOfOne('a hold that has expired where it was transferred to is confirmed late, or refused', async () => {
    const shop = await open({ stock: { a: 3 } })
    const [first, second] = [await shop.hold('guest', 2), await shop.hold('other', 1)]
    const told = [await stored(shop, first.id), await stored(shop, second.id)]
    const present = [await moved(shop, first.id, 'ann'), await moved(shop, second.id, 'bob')]
    await shop.advance(1_000)
    await shop.hold('fast', 1)
    const refused = await recovered(shop, (known) => {
      for (const one of told) known.note({ ...one, state: 'confirmed', paymentId: `p ${one.buyer}` })
    })
    expect(refused).toEqual([`${second.id} sold_out`])
    expect(await shop.sale.get(present[0]!)).toMatchObject({ state: 'confirmed', paymentId: 'p guest' })
    expect(await shop.counts()).toBe('3 0 1 2')
  })

  testOfOne(
    'the own payment of a refunded order stays its own, and each other one is told once',
    async () => {
      const shop = await open()
      const { id } = await shop.confirmed('guest', 1)
      const told = await stored(shop, id)
      const present = await moved(shop, id, 'ann')
      await shop.sale.refund(present, { restock: true })
      await recovered(shop, (known) =>
        known.noteRefundDue({ ...told, state: 'refunded', paymentId: 'p1' }, 'p1', 'refunded'),
      )
      await shop.news()
      expect(await shop.sale.confirm(present, { paymentId: 'p2' })).toMatchObject({
        reason: 'duplicate_payment',
      })
      expect(await shop.sale.confirm(present, { paymentId: 'p1' })).toMatchObject({ reason: 'refunded' })
      expect(await due(shop, present)).toEqual([[true, 'p2']])
    },
  )

  testOfOne('a further payment that was told before is told again by each id, and once', async () => {
    const shop = await open()
    const { id } = await shop.hold('guest', 1)
    await shop.sale.confirm(id, { paymentId: 'p1' })
    const told = await stored(shop, id)
    const present = await moved(shop, id, 'ann')
    await shop.news()
    for (let i = 0; i < 2; i++)
      await recovered(shop, (known) => known.noteRefundDue(told, 'p2', 'duplicate_payment'))
    for (const one of [id, present])
      expect(await shop.sale.confirm(one, { paymentId: 'p2' })).toMatchObject({ status: 'refund_due' })
    expect(await due(shop, id)).toEqual([[true, 'p2']])
  })

  testOfOne('a payment that was told refund_due is due where the hold was transferred to', async () => {
    const shop = await open()
    const { id } = await shop.hold('guest', 2)
    const told = await stored(shop, id)
    const present = await moved(shop, id, 'ann')
    await recovered(shop, (known) =>
      known.noteRefundDue({ ...told, state: 'released', paymentId: 'p1' }, 'p1', 'released'),
    )
    expect(await shop.counts()).toBe('10 10 0 0')
    for (const one of [id, present])
      expect(await shop.sale.confirm(one, { paymentId: 'p1' })).toMatchObject({
        ...{ status: 'refund_due', reason: 'released' },
      })
  })

  testOfOne('an order that a process which knew less has transferred elsewhere is made once', async () => {
    const shop = await open()
    const { id } = await shop.confirmed('guest', 2)
    const told = await stored(shop, id)
    const origin = { id, transfers: 1, at: told.createdAt - 1 }
    const before = { ...told, id: id.slice(0, -3).concat('AAA'), buyer: 'bob', key: null, origin }
    const present = await moved(shop, id, 'ann')
    for (const state of ['confirmed', 'released'] as const) {
      const refused = await recovered(shop, (known) => {
        known.note({ ...told, state: 'transferred' }, { movedTo: { id: before.id, receiver: 'bob' } })
        known.note({ ...before, state }, { earlier: id })
      })
      // A hold that the buyer has given back needs nothing.
      expect(refused).toEqual(state === 'confirmed' ? [`${before.id} transferred`] : [])
      expect(await shop.counts()).toBe('10 8 0 2')
      expect(await shop.sale.get(before.id)).toBeUndefined()
      expect(await shop.sale.get(id)).toMatchObject({ id: present, buyer: 'ann', state: 'confirmed' })
    }
    const refused = await recovered(shop, (known) =>
      known.note({ ...before, state: 'released', paymentId: 'p1' }, { refundDue: 'released', earlier: id }),
    )
    expect(refused).toEqual([`${before.id} transferred`])
  })

  testOfOne('an order of which a process knows the receiver alone is one order', async () => {
    const shop = await open({ stock: { a: 2 } })
    const { id } = await shop.confirmed('guest', 2)
    const told = await stored(shop, id)
    const origin = { id, transfers: 1, at: shop.now() }
    const next = { ...told, id: id.slice(0, -3).concat('AAA'), buyer: 'ann', key: null, origin }
    // Either of two processes may be the first; each knows one record.
    for (const known of [next, told]) {
      expect(await recovered(shop, (cache) => cache.note(known))).toEqual([])
      expect(await shop.counts()).toBe('2 0 0 2')
      expect(await shop.sale.get(id)).toMatchObject({ id: next.id, buyer: 'ann', state: 'confirmed' })
    }
  })

  testOfOne('the later one of two receivers keeps an order, in any order of recoveries', async () => {
    for (const isLaterFirst of [true, false]) {
      const shop = await open({ stock: { a: 2 } })
      const { id, createdAt } = await shop.hold('other', 1)
      const origin = { id: id.slice(0, -3).concat('AAA'), transfers: 1, at: createdAt }
      const first: StoredReservation = {
        ...{ ...(await stored(shop, id)), id: id.slice(0, -3).concat('BBB'), buyer: 'ann', key: null },
        ...{ state: 'confirmed', paymentId: 'p1', origin },
      }
      const later: StoredReservation = {
        ...first,
        id: id.slice(0, -3).concat('CCC'),
        buyer: 'bob',
        origin: { ...origin, at: createdAt + 1 },
      }
      const last = isLaterFirst ? first : later
      const told = await recovered(shop, (cache) => cache.note(isLaterFirst ? later : first))
      told.push(...(await recovered(shop, (cache) => cache.note(last))))
      expect(told).toEqual([`${first.id} transferred`])
      expect(await shop.counts()).toBe('2 0 1 1')
      expect(await shop.sale.get(later.id)).toMatchObject({ buyer: 'bob', state: 'confirmed' })
      expect((await shop.sale.get(first.id))?.id).toBe(isLaterFirst ? undefined : later.id)
      // And an old record that a third process knows makes no order.
      const root: StoredReservation = { ...first, id: origin.id, buyer: 'guest', key: 'k', origin: undefined }
      expect(await recovered(shop, (cache) => cache.note(root))).toEqual([])
      expect(await shop.counts()).toBe('2 0 1 1')
      expect(await shop.sale.get(origin.id)).toMatchObject({ id: later.id })
    }
  })

  testOfOne('without a unit left an old id still leads to the order, and its key is spent', async () => {
    const shop = await open({ stock: { a: 1 } })
    const { id } = await shop.hold('guest', 1, { key: 'k' })
    const told = await stored(shop, id)
    // Of the sale that was lost: this one has neither.
    const lost = { ...told, id: id.slice(0, -3).concat('AAA') }
    await shop.sale.confirm(id, { paymentId: 'p1' })
    const refused = await recovered(shop, (known) => {
      known.note({ ...lost, state: 'transferred', key: 'k2' }, { movedTo: { id, receiver: 'guest' } })
      known.note(
        { ...lost, id: lost.id.replace(/AAA$/, 'BBB'), state: 'transferred' },
        {
          movedTo: { id: lost.id, receiver: 'guest' },
        },
      )
    })
    expect(refused).toEqual([])
    expect(await shop.counts()).toBe('1 0 0 1')
    for (const old of [lost.id, lost.id.replace(/AAA$/, 'BBB')])
      expect(await shop.sale.get(old)).toMatchObject({ id, state: 'confirmed' })
    expect(await shop.sale.confirm(lost.id, { paymentId: 'p1' })).toMatchObject({ status: 'confirmed' })
    const items = [{ sku: 'a', quantity: 1 }]
    for (const key of ['k', 'k2'])
      expect(await shop.sale.reserve({ buyer: 'guest', items, key })).toMatchObject({
        ...{ status: 'reserved', replayed: true, reservation: { id } },
      })
  })

  testOfOne('an old record that was paid for after the loss hands the payment on', async () => {
    const shop = await open()
    const { id } = await shop.hold('guest', 2)
    const told = await stored(shop, id)
    await shop.sale.confirm(id, { paymentId: 'p1' })
    const next = { ...told, id: id.slice(0, -3).concat('AAA'), buyer: 'guest', key: null }
    await recovered(shop, (known) => {
      known.note({ ...told, state: 'transferred' }, { movedTo: { id: next.id, receiver: 'guest' } })
      known.note(next)
    })
    expect(await shop.sale.get(id)).toMatchObject({ id: next.id, state: 'confirmed', paymentId: 'p1' })
    expect(await shop.counts()).toBe('10 8 0 2')
  })

  testOfOne('a key whose reservation was transferred and lost is spent', async () => {
    const shop = await open()
    const { id } = await shop.hold('guest', 1, { key: 'k' })
    const wish = { receiver: 'guest', newId: id.slice(0, -3).concat('AAA'), from: null }
    await freeze(shop)
    await shop.run('transfer', [{ id, wish }], { bypassFreeze: true })
    await shop.sale.recover({ from: 'accept' })
    const items = [{ sku: 'a', quantity: 1 }]
    expect(await shop.sale.reserve({ buyer: 'guest', items, key: 'k' })).toMatchObject({
      ...{ status: 'key_spent', reservation: { id, state: 'expired' } },
    })
    await shop.hold('guest', 1, { key: 'k2' })
  })

  testOfOne('port: a recovery stores an old record that is missing, without units and once', async () => {
    const shop = await open({ stock: { a: 3 }, limitPerBuyer: 1 })
    const { id } = await shop.hold('guest', 1, { key: 'k' })
    const told = await stored(shop, id)
    const call = { bypassFreeze: true }
    const old = (end: string) => id.slice(0, -3).concat(end)
    const changes = { first: [[0, 2]], count: 1 } as const
    const record = { ...told, state: 'transferred', paymentId: 'p1', expiresAt: told.createdAt + 7 } as const
    const wish = { receiver: 'guest', newId: id, from: null }
    const changed = { ...record, id: old('AAA'), changes, key: 'k2' }
    const op = { id: old('AAA'), wish: { ...wish, record: changed, earlier: old('CCC') } }
    const moved = { status: 'moved', id: old('AAA'), next: id, to: id, receiver: 'guest', settled: true }

    // Only a recovery does so, and not after its deadline.
    expect(await shop.ask('transfer', op)).toEqual({ status: 'not_found' })
    expect(await shop.ask('transfer', op, { ...call, deadline: shop.now() - 1 })).toEqual({ status: 'retry' })
    expect(await shop.ask('transfer', { id: op.id, wish }, call)).toEqual({ status: 'not_found' })
    await shop.news()
    for (let i = 0; i < 2; i++) expect(await shop.ask('transfer', op, call)).toEqual(moved)
    expect(await shop.news()).toEqual([
      { type: 'departed', id: op.id, to: id, changed: { cart: told.cart, count: 1 } },
    ])
    expect(await shop.ask('get', { id: op.id })).toEqual({
      ...{ status: 'found', reservation: changed, moved },
    })
    const pay = { id: op.id, buyer: null, paymentId: 'p9', final: true }
    expect(await shop.ask('confirm', pay, call)).toEqual({ ...moved, earlier: old('CCC') })
    // Its key is compared with its first cart.
    const again = { id: old('ZZZ'), buyer: 'guest', key: 'k2', holdMs: null }
    expect(await shop.ask('reserve', { ...again, cart: [[0, 2]] })).toEqual(moved)
    expect(await shop.ask('reserve', { ...again, cart: [[0, 1]] })).toEqual({ status: 'conflict', id: op.id })
    // The buyer has used the key for another reservation: that stays.
    const spent = { ...record, id: old('BBB') }
    await shop.ask('transfer', { id: spent.id, wish: { ...wish, record: spent } }, call)
    expect(await shop.ask('get', { id: spent.id })).toMatchObject({ reservation: { key: null } })
    expect(await shop.ask('reserve', { ...again, key: 'k', cart: [[0, 1]] })).toMatchObject({
      ...{ status: 'reserved', replayed: true, reservation: { id } },
    })
    // An id that is there keeps what it has.
    const { id: held } = await shop.hold('other', 1)
    await shop.ask('transfer', { id: held, wish: { ...wish, record: { ...record, id: held } } }, call)
    expect(await shop.ask('get', { id: held })).toMatchObject({
      ...{ reservation: { buyer: 'other', paymentId: null, state: 'transferred' }, moved: { next: id } },
    })
    expect(await shop.counts()).toBe('3 2 1 0')
    expect(await shop.reserve('guest')).toMatchObject({ status: 'limit_exceeded', reservations: [id] })
    await shop.advance(1_000)
    expect(await shop.counts()).toBe('3 3 0 0')
    await shop.audited()
  })
})
