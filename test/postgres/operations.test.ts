import { expect, test } from 'vitest'
import { FlashSale } from '../../src/index.js'
import { ann, logLines, operating } from '../support/operations.js'
import { onBothEngines } from '../support/shop.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()

onBothEngines((open) => {
  const stage = async () => {
    const shop = await open({ stock: { a: 5 } })
    const opened = await TestLedger.open(db)
    const held = await shop.sale.reserve({ buyer: 'bob \0␀', items: [{ sku: 'a', quantity: 1 }] })
    if (held.status !== 'reserved') expect.fail(held.status)
    const { id } = held.reservation
    await shop.sale.confirm(id, { paymentId: 'first' })
    await shop.sale.confirm(id, { paymentId: 'second' })
    return { shop, opened, id, operations: operating(shop.clock.engine, opened.ledger) }
  }
  const common = (id: string) => ({ sale: 'launch', reservationId: id, buyer: 'bob \0␀' })

  test('a payment is found by its id alone, with its reservation', async () => {
    const { shop, opened, id, operations } = await stage()
    await opened.ledger.reconcile(shop.sale)
    const reservations = [await shop.sale.get(id)]
    const own = { ...common(id), paymentId: 'first', own: true, outcome: 'order', reason: null }
    expect(await operations.find(undefined, { paymentId: 'first' })).toEqual({
      reservations,
      payments: [own],
    })
    const further = { own: false, outcome: 'refund_due', reason: 'duplicate_payment' }
    expect(await operations.find('launch', { paymentId: 'second' })).toEqual({
      reservations,
      payments: [{ ...common(id), paymentId: 'second', ...further }],
    })
    for (const sale of ['launch', undefined])
      expect(await operations.find(sale, { paymentId: 'third' })).toEqual({ reservations: [], payments: [] })
    expect(await operations.find('other', { paymentId: 'first' })).toEqual({ reservations: [], payments: [] })
    expect((await opened.ledger.payments()).map(({ paymentId }) => paymentId)).toEqual(['first', 'second'])
    expect(await opened.ledger.payments({ limit: 1 })).toEqual([own])
  })

  test('refunds due and payments are known after the removal of the sale', async () => {
    const { shop, opened, id, operations } = await stage()
    await opened.ledger.reconcile(shop.sale)
    await shop.sale.end()
    await shop.sale.destroy()
    const due = { reservationId: id, buyer: 'bob \0␀', paymentId: 'second', reason: 'duplicate_payment' }
    expect(await operations.refundsDue('launch')).toEqual({ from: 'ledger', complete: true, payments: [due] })
    const found = await operations.find('launch', { paymentId: 'first' })
    expect(found).toMatchObject({ reservations: [], payments: [{ outcome: 'order' }] })
  })

  test('a sale is compared with its ledger, and the rows are repaired', async () => {
    const { opened, id, operations } = await stage()
    await operations.reconcile('launch', {}, ann)
    await opened.sql(`UPDATE $schema.reservations SET state = 'held' WHERE id = $1`, [id])
    const found = await operations.reconcile('launch', { repair: true }, ann)
    expect(found.result).toMatchObject({ ok: false, differing: { count: 1 } })
    expect((await operations.reconcile('launch', {}, ann)).result).toMatchObject({ ok: true, checked: 1 })
    expect((await operations.log()).map(({ result }) => result)).toEqual([
      { ok: true, checked: 1 },
      { ok: false, checked: 1 },
      { ok: true, checked: 1 },
    ])
  })

  test('a sale that is gone is recovered from the ledger by its id alone', async () => {
    const { shop, opened, id, operations } = await stage()
    await opened.ledger.reconcile(shop.sale)
    await opened.stopFollowing()
    const other = await open({}, 'elsewhere')
    const there = operating(other.clock.engine, opened.ledger)
    await expect(there.show('launch')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const { result } = await there.recover('launch', { from: 'ledger' }, ann)
    expect(result).toMatchObject({ restored: 1, refused: [] })
    const sale = new FlashSale('launch', { engine: other.clock.engine, deadlineMs: 60_000 })
    expect(await sale.get(id)).toMatchObject({ state: 'confirmed', paymentId: 'first' })
    await sale.close()
    expect(await there.audit('launch')).toMatchObject({ ok: true })
    expect(await logLines(there)).toEqual(['recover sale:launch done'])
    expect(await logLines(operations)).toEqual([])
  })
})
