import { expect, onTestFinished, test, vi } from 'vitest'
import { FlashSale, WaitingRoom } from '../../../src/index.js'
import type { ShownSale } from '../../../src/operations/results.js'
import { ann, logLines, operating } from '../../support/operations.js'
import { onBothEngines, type Shop } from '../../support/shop.js'

const items = [{ sku: 'a', quantity: 1 }]

onBothEngines((open) => {
  const roomOf = async ({ clock: { engine } }: Shop, id: string, sale?: string) => {
    const room = new WaitingRoom(id, {
      engine,
      deadlineMs: 60_000,
      secret: 's'.repeat(32),
      ratePerSecond: 5,
      sale,
    })
    onTestFinished(() => room.close())
    await room.create()
    return room
  }
  const buy = async ({ sale }: Shop, buyer: string, paymentId?: string) => {
    const held = await sale.reserve({ buyer, items })
    if (held.status !== 'reserved') expect.fail(held.status)
    if (paymentId !== undefined) await sale.confirm(held.reservation.id, { paymentId })
    return held.reservation.id
  }
  /** Consumes all events; those of a type become dead letters. */
  const consumeAll = async ({ sale }: Shop, dead: string) => {
    const consumer = sale.consume({ group: 'mail', maxAttempts: 1 }, (event) => {
      if (event.type === dead) throw new Error('no mail today')
    })
    await expect.poll(async () => (await consumer.stats()).lag).toBe(0)
    await expect.poll(async () => (await consumer.stats()).dead).toBeGreaterThan(0)
    await consumer.close()
  }

  test('lists sales and rooms, the latest first', async () => {
    const shop = await open()
    await shop.clock.advance(10)
    const other = new FlashSale('other', { engine: shop.clock.engine, deadlineMs: 60_000 })
    onTestFinished(() => other.close())
    await other.create({ stock: { b: 1 }, partitions: 2 })
    await roomOf(shop, 'door', 'launch')
    const listed = await operating(shop.clock.engine).list()
    expect(listed).toMatchObject([
      { kind: 'sale', id: 'other', state: 'open', partitions: 2 },
      { kind: 'sale', id: 'launch', state: 'open', createdAt: shop.clock.now() - 10 },
      { kind: 'room', id: 'door', state: 'open' },
    ])
  })

  test('shows a sale by its id alone: rules, counts, groups', async () => {
    const shop = await open({ stock: { a: 10, b: 2 }, limitPerBuyer: 3 })
    await buy(shop, 'u', 'p')
    await consumeAll(shop, 'confirmed')
    const shown = await operating(shop.clock.engine).show('launch')
    if (shown.kind !== 'sale') expect.fail('not a sale')
    expect(shown).toMatchObject({ id: 'launch', state: 'open', problem: null })
    expect(shown.rules).toMatchObject({ limitPerBuyer: 3, holdMs: 1_000, revision: 0 })
    expect(shown.skus).toEqual((await shop.sale.stats()).skus)
    expect(shown.groups).toMatchObject([{ group: 'mail', lag: 0, dead: 1 }])
    expect(JSON.parse(JSON.stringify(shown))).toEqual(shown)
  })

  test('shows and changes a room by its id alone', async () => {
    const shop = await open()
    const room = await roomOf(shop, 'door', 'launch')
    const operations = operating(shop.clock.engine)
    expect(await operations.show('door')).toMatchObject({ kind: 'room', sale: 'launch', state: 'open' })
    await operations.rate('door', { perSecond: 2.5, burst: 7 }, ann)
    expect(await room.stats()).toMatchObject({ ratePerSecond: 2.5, burst: 7 })
    expect((await operations.rate('door', { perSecond: 0 }, ann)).result).toEqual({
      ratePerSecond: 0,
      burst: 7,
    })
    expect(await room.stats()).toMatchObject({ ratePerSecond: 0, burst: 7 })
    expect((await operations.block('door', 'eve', ann)).result).toEqual({ blocked: true })
    expect(await room.join('eve')).toEqual({ status: 'blocked' })
    expect((await operations.unblock('door', 'eve', ann)).result).toEqual({ unblocked: true })
    expect((await operations.pause('door', ann)).result).toEqual({ state: 'paused' })
    expect((await room.stats()).state).toBe('paused')
    await operations.resume('door', ann)
    await operations.update('door', { tiers: ['members', 'public'] }, ann)
    expect((await room.stats()).tiers.map(({ tier }) => tier)).toEqual(['members', 'public'])
    await operations.destroy('door', {}, ann)
    await expect(operating(shop.clock.engine).show('door')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await logLines(operations)).toEqual(
      ['rate', 'rate', 'block', 'unblock', 'pause', 'resume', 'update', 'destroy'].map(
        (operation) => `${operation} room:door done`,
      ),
    )
  })

  test('a room whose sale is gone is shown, and can be removed', async () => {
    const shop = await open()
    await roomOf(shop, 'door', 'launch')
    await shop.sale.end()
    await shop.sale.destroy()
    const operations = operating(shop.clock.engine)
    const shown = await operations.show('door')
    expect(shown).toMatchObject({ kind: 'room', sale: 'launch', problem: { code: 'NOT_FOUND' }, stats: null })
    await operations.destroy('door', {}, ann)
    expect(await operations.list()).toEqual([])
  })

  test('pauses, resumes, updates and ends a sale, and changes its stock', async () => {
    const shop = await open({ stock: { a: 10, b: 2 } })
    const operations = operating(shop.clock.engine)
    expect((await operations.pause('launch', ann)).result).toEqual({ state: 'paused' })
    expect((await operations.resume('launch', ann)).result).toEqual({ state: 'open' })
    expect((await operations.update('launch', { limitPerBuyer: 1 }, ann)).result).toEqual({
      ...{ revision: 1, replayed: false },
    })
    const move = { from: 'a', to: 'b', quantity: 3, key: 'm' }
    expect((await operations.move('launch', move, ann)).result).toMatchObject({ applied: 3 })
    const count = { sku: 'a', total: 4, key: 'c' }
    expect((await operations.setTotal('launch', count, ann)).result).toMatchObject({ applied: -3, owed: 0 })
    expect((await shop.sale.stats()).skus).toMatchObject({ a: { total: 4 }, b: { total: 5 } })
    expect((await operations.end('launch', ann)).result).toEqual({ state: 'ended' })
    expect(await operations.audit('launch')).toMatchObject({ ok: true })
  })

  test('a target that is both needs its kind, unless the operation is about one kind only', async () => {
    const shop = await open()
    await roomOf(shop, 'launch')
    const operations = operating(shop.clock.engine)
    await expect(operations.pause('launch', ann)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Write sale:launch or room:launch.'),
    })
    expect(await operations.pause('room:launch', ann)).toMatchObject({ target: 'room:launch' })
    expect((await shop.sale.stats()).state).toBe('open')
    expect(await operations.pause('sale:launch', ann)).toMatchObject({ target: 'sale:launch' })
    expect(await operations.rate('launch', { perSecond: 1 }, ann)).toMatchObject({ target: 'room:launch' })
    expect(await operations.end('launch', ann)).toMatchObject({ target: 'sale:launch' })
  })

  test('a target of the wrong kind, and an unknown one, are refused before anything is done', async () => {
    const shop = await open()
    await roomOf(shop, 'door')
    const operations = operating(shop.clock.engine)
    const refused = async (call: Promise<unknown>, code: string, says: string) =>
      expect(call).rejects.toMatchObject({ code, message: expect.stringContaining(says) })
    await refused(operations.end('door', ann), 'INVALID_ARGUMENT', 'the waiting room "door" is no sale')
    await refused(operations.end('room:door', ann), 'INVALID_ARGUMENT', 'is no sale')
    await refused(operations.rate('launch', { perSecond: 1 }, ann), 'INVALID_ARGUMENT', 'is no waiting room')
    await refused(operations.pause('nothing', ann), 'NOT_FOUND', 'no sale and no waiting room "nothing"')
    await refused(operations.pause('sale:nothing', ann), 'NOT_FOUND', 'nothing')
    await refused(operations.pause('sale:', ann), 'NOT_FOUND', '"sale:"')
    // Only the one with a kind was tried.
    expect(await logLines(operations)).toEqual(['pause sale:nothing failed'])
  })

  test('finds reservations by id and by buyer', async () => {
    const shop = await open()
    const operations = operating(shop.clock.engine)
    const [first, second] = [await buy(shop, 'u', 'p'), await buy(shop, 'u')]
    await buy(shop, 'v')
    expect(await operations.find('launch', { reservation: first })).toEqual({
      reservations: [await shop.sale.get(first)],
      payments: [],
    })
    const ofBuyer = await operations.find('launch', { buyer: 'u' })
    expect(ofBuyer.reservations.map(({ id }) => id)).toEqual([second, first])
    expect(await operations.find('launch', { reservation: 'x' })).toEqual({ reservations: [], payments: [] })
    await expect(operations.find('launch', { paymentId: 'p' })).rejects.toThrow('needs a ledger')
    await expect(operations.find('launch', {})).rejects.toThrow('must name one of')
    await expect(operations.find(undefined, { buyer: 'u' })).rejects.toThrow('target must be a string')
  })

  test('refunds due are read from the events: one for each payment', async () => {
    const shop = await open({ stock: { a: 1 } })
    const operations = operating(shop.clock.engine)
    const order = await buy(shop, 'u', 'p1')
    await shop.sale.confirm(order, { paymentId: 'p2' })
    await shop.sale.confirm(order, { paymentId: 'p2' })
    const due = { reservationId: order, buyer: 'u', paymentId: 'p2', reason: 'duplicate_payment' }
    expect(await operations.refundsDue('launch')).toEqual({ from: 'events', complete: true, payments: [due] })
    await shop.sale.confirm(order, { paymentId: 'p3' })
    expect(await operations.refundsDue('launch', { limit: 1 })).toMatchObject({
      complete: false,
      payments: [due],
    })
  })

  test('shows, retries and discards dead letters', async () => {
    const shop = await open()
    const operations = operating(shop.clock.engine)
    await buy(shop, 'u', 'p1')
    await buy(shop, 'v', 'p2')
    await consumeAll(shop, 'confirmed')
    const { letters, complete } = await operations.deadLetters('launch', 'mail')
    expect(complete).toBe(true)
    expect(letters).toMatchObject([
      { event: { type: 'confirmed' }, attempts: 1, error: 'no mail today' },
      { event: { type: 'confirmed' } },
    ])
    expect(await operations.deadLetters('launch', 'mail', { limit: 1 })).toMatchObject({ complete: false })
    const [first, second] = letters.map(({ event }) => event.id)
    const group = 'mail'
    expect((await operations.retryDeadLetters('launch', { group, ids: [first!] }, ann)).result).toEqual({
      count: 1,
    })
    expect((await operations.discardDeadLetters('launch', { group, ids: 'all' }, ann)).result).toEqual({
      count: 1,
    })
    expect((await operations.deadLetters('launch', 'mail')).letters).toEqual([])
    expect(second).not.toBe(first)
    expect(await operations.groups('launch')).toMatchObject([{ group: 'mail', dead: 0, parked: 1 }])
    await expect(operations.deadLetters('launch', 'post')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('It has: mail.'),
    })
    const discard = operations.discardDeadLetters('launch', { group: 'post', ids: 'all' }, ann)
    await expect(discard).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a sale of the same name, made after the removal of the first, is shown by the same process', async () => {
    const shop = await open()
    const operations = operating(shop.clock.engine)
    await operations.end('launch', ann)
    await operations.destroy('launch', {}, ann)
    const again = new FlashSale('launch', { engine: shop.clock.engine, deadlineMs: 60_000 })
    onTestFinished(() => again.close())
    await again.create({ stock: { z: 1 } })
    expect(await operations.show('launch')).toMatchObject({ state: 'open', skus: { z: { total: 1 } } })
    expect((await operations.pause('launch', ann)).result).toEqual({ state: 'paused' })
  })

  test('many sales one after another, and unknown names at a time, leave the process as it was', async () => {
    const shop = await open()
    const operations = operating(shop.clock.engine)
    const closing = vi.spyOn(FlashSale.prototype, 'close')
    onTestFinished(() => closing.mockRestore())
    const unknown = await Promise.allSettled(Array.from({ length: 50 }, () => operations.show('sale:none')))
    for (const one of unknown) expect(one).toMatchObject({ reason: { code: 'NOT_FOUND' } })
    // Each handle that was made.
    expect(closing).toHaveBeenCalledTimes(50)
    for (let i = 0; i < 300; i++) {
      const sale = new FlashSale(`s${i}`, { engine: shop.clock.engine, deadlineMs: 60_000 })
      await sale.create({ stock: { a: i } })
      await sale.close()
    }
    const shown = async (i: number) => (await operations.show(`sale:s${i}`)) as ShownSale
    for (let i = 0; i < 300; i++) expect((await shown(i)).skus!.a!.total).toBe(i)
    const again = await Promise.all(Array.from({ length: 300 }, (_, i) => shown(i)))
    expect(again.map(({ skus }) => skus!.a!.total)).toEqual(Array.from({ length: 300 }, (_, i) => i))
  })

  test('destroy refuses while units are held, and force does not', async () => {
    const shop = await open()
    const operations = operating(shop.clock.engine)
    await buy(shop, 'u')
    expect((await operations.destroy('launch', {}, ann)).result).toEqual({ status: 'not_ended' })
    await operations.end('launch', ann)
    expect((await operations.destroy('launch', {}, ann)).result).toEqual({ status: 'in_use' })
    expect((await operations.destroy('launch', { force: true }, ann)).result).toEqual({ status: 'destroyed' })
  })

  test('without a ledger, reconcile and recover from a ledger are refused', async () => {
    const shop = await open()
    const operations = operating(shop.clock.engine)
    for (const call of [
      async () => operations.reconcile('launch', {}, ann),
      () => operations.recover('launch', { from: 'ledger' }, ann),
      () => operations.recover('launch', { from: 'replay' as never }, ann),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    const { result } = await operations.recover('launch', { from: 'accept' }, ann)
    expect(result).toEqual({ restored: 0, refused: [], forgotten: 0, state: 'open' })
  })
})
