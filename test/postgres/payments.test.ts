import { expect, test } from 'vitest'
import type { FlashSale, Reservation } from '../../src/index.js'
import { onBothEngines, type Shop } from '../support/shop.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()

/**
 * How long before the hold's end the provider's session ends: longer than a payment can be on its
 * way, and clocks can differ.
 */
const MARGIN_MS = 60_000
/** The shortest session the provider allows. */
const SESSION_MS = 30 * 60_000

interface Session {
  readonly id: string
  readonly reservation: string
  /** Seconds since 1970, as such providers count. */
  readonly expiresAt: number
}

interface Payment {
  readonly id: string
  readonly session: Session
}

/**
 * A payment provider like Stripe: sessions that expire, webhooks that come once or more, late, and
 * in any order.
 */
class Provider {
  readonly refunds = new Set<string>()
  #count = 0

  constructor(readonly shop: Shop) {}

  createSession(reservation: string, expiresAt: number): Session {
    return { id: `cs_${++this.#count}`, reservation, expiresAt }
  }

  /** The buyer pays; undefined if the session has expired. */
  pay(session: Session): Payment | undefined {
    if (this.shop.now() >= session.expiresAt * 1_000) return undefined
    return { id: `pi_${++this.#count}`, session }
  }

  /** With the payment as idempotency key: again changes nothing. */
  refund(payment: string): void {
    this.refunds.add(payment)
  }
}

/**
 * The recipe of the sale's chapter. The hold outlasts the session, so a buyer who can still pay
 * still has the units.
 */
async function openSession(
  sale: FlashSale,
  provider: Provider,
  { id }: Reservation,
): Promise<Session | undefined> {
  const held = await sale.extend(id, { holdMs: SESSION_MS + MARGIN_MS })
  if (held.status !== 'extended') return undefined
  const expiresAt = Math.floor((held.reservation.expiresAt - MARGIN_MS) / 1_000)
  return provider.createSession(id, expiresAt)
}

async function webhook(
  sale: FlashSale,
  provider: Provider,
  { id: paymentId, session }: Payment,
): Promise<string> {
  const answer = await sale.confirm(session.reservation, { paymentId })
  if (answer.status === 'confirmed') return 'ship'
  // Not to be had any more, paid for twice, or a reservation that is not ours: the money goes back.
  provider.refund(paymentId)
  return 'refund'
}

onBothEngines((open) => {
  const opened = async (rules = {}) => {
    const shop = await open({ stock: { a: 3 }, holdMs: 600_000, maxHoldMs: 2 * 3_600_000, ...rules })
    const ledger = await TestLedger.open(db)
    return { shop, ledger, provider: new Provider(shop) }
  }
  const dueIn = async (ledger: TestLedger, shop: Shop) => {
    await ledger.agrees(shop.sale)
    return ledger.sql(`SELECT payment_id, refund_due FROM $schema.reservations WHERE refund_due IS NOT NULL`)
  }

  const paymentsIn = async (ledger: TestLedger) =>
    (
      await ledger.sql(
        `SELECT payment_id, outcome, reason, own FROM $schema.payments ORDER BY payment_id, own`,
      )
    ).map(({ payment_id, outcome, reason, own }) => [payment_id, outcome, reason, own])

  test('the session ends before the hold: a buyer who could pay gets the goods', async () => {
    const { shop, provider } = await opened()
    const held = await shop.hold('u')
    const session = (await openSession(shop.sale, provider, held))!
    // At the last moment, and the webhook comes when only the margin is left.
    await shop.advance(session.expiresAt * 1_000 - shop.now() - 1)
    const payment = provider.pay(session)!
    await shop.advance(MARGIN_MS)
    expect(await webhook(shop.sale, provider, payment)).toBe('ship')
    expect(provider.pay(session)).toBeUndefined()
  })

  test('a webhook that comes again, to whichever process, does nothing new', async () => {
    const { shop, ledger, provider } = await opened()
    const payment = provider.pay((await openSession(shop.sale, provider, await shop.hold('u')))!)!
    const handles = [shop.sale, shop.handle(), shop.handle()]
    const answers = await Promise.all(
      [...handles, ...handles].map((sale) => webhook(sale, provider, payment)),
    )
    expect(new Set(answers)).toEqual(new Set(['ship']))
    expect(await dueIn(ledger, shop)).toEqual([])
    expect(await ledger.sql(`SELECT FROM $schema.events WHERE type = 'confirmed'`)).toHaveLength(1)
  })

  test('two payments for one reservation: the first counts, the second goes back, whatever the order of repeats', async () => {
    const { shop, ledger, provider } = await opened()
    const held = await shop.hold('u')
    const first = provider.pay((await openSession(shop.sale, provider, held))!)!
    const second = provider.pay((await openSession(shop.sale, provider, held))!)!
    for (const payment of [first, second, second, first])
      expect(await webhook(shop.sale, provider, payment)).toBe(payment === first ? 'ship' : 'refund')
    expect([...provider.refunds]).toEqual([second.id])
    expect(await dueIn(ledger, shop)).toEqual([])
    expect(await paymentsIn(ledger)).toEqual([
      [first.id, 'order', null, true],
      [second.id, 'refund_due', 'duplicate_payment', false],
    ])
  })

  test('the ledger lists all payments with what became of each', async () => {
    const { shop, ledger } = await opened({ stock: { a: 10 } })
    const { sale } = shop
    const order = await shop.hold('u')
    for (const paymentId of ['a1', 'a2', 'a3', 'a2']) await sale.confirm(order.id, { paymentId })
    const back = await shop.hold('v')
    for (const paymentId of ['b1', 'b2']) await sale.confirm(back.id, { paymentId })
    await sale.refund(back.id, { restock: true })
    await sale.confirm(back.id, { paymentId: 'b1' })
    await sale.confirm(back.id, { paymentId: 'b3' })
    const late = await shop.hold('w')
    await sale.release(late.id)
    for (const paymentId of ['c1', 'c2']) await sale.confirm(late.id, { paymentId })
    // The same id for another reservation.
    const other = await shop.hold('x')
    await sale.confirm(other.id)
    await ledger.agrees(sale)
    expect((await paymentsIn(ledger)).at(-1)).toEqual([null, 'order', null, true])
    await sale.confirm(other.id, { paymentId: 'a1' })
    await ledger.agrees(sale)
    expect(await paymentsIn(ledger)).toEqual([
      ['a1', 'order', null, true],
      ['a1', 'order', null, true],
      ['a2', 'refund_due', 'duplicate_payment', false],
      ['a3', 'refund_due', 'duplicate_payment', false],
      ['b1', 'refunded', null, true],
      ['b2', 'refund_due', 'duplicate_payment', false],
      ['b3', 'refund_due', 'duplicate_payment', false],
      ['c1', 'refund_due', 'released', true],
      ['c2', 'refund_due', 'released', false],
    ])
    expect(
      await ledger.sql(`SELECT details->>'paymentId' AS id FROM $schema.events WHERE type = 'refund_due'
        AND details ? 'paymentId' ORDER BY 1`),
    ).toEqual(['a2', 'a3', 'b2', 'b3', 'c2'].map((id) => ({ id })))
  })

  test.each(['released', 'sold_out', 'ended'] as const)(
    'too late, and %s: refund due once, the same for ever, with one row',
    async (reason) => {
      const { shop, ledger, provider } = await opened({ stock: { a: 1 } })
      const held = await shop.hold('u')
      const session = (await openSession(shop.sale, provider, held))!
      const payment = provider.pay(session)!
      if (reason === 'released') await shop.sale.release(held.id)
      else await shop.advance(2 * SESSION_MS)
      if (reason === 'sold_out') await shop.confirmed('v')
      if (reason === 'ended') await shop.sale.end()
      for (let i = 0; i < 3; i++) expect(await webhook(shop.handle(), provider, payment)).toBe('refund')
      // Units that come back change nothing for who was told.
      await shop.sale.restock({ sku: 'a', quantity: 5, key: 'r' })
      expect(await webhook(shop.sale, provider, payment)).toBe('refund')
      expect([...provider.refunds]).toEqual([payment.id])
      expect(await dueIn(ledger, shop)).toEqual([{ payment_id: payment.id, refund_due: reason }])
      expect(await ledger.sql(`SELECT FROM $schema.events WHERE type = 'refund_due'`)).toHaveLength(1)
    },
  )

  test('a hold that expired has no session; one whose units are there is confirmed late', async () => {
    const { shop, provider } = await opened()
    const held = await shop.hold('u')
    const payment = provider.pay((await openSession(shop.sale, provider, held))!)!
    await shop.advance(2 * SESSION_MS)
    expect(await openSession(shop.sale, provider, held)).toBeUndefined()
    expect(await shop.sale.confirm(held.id, { paymentId: payment.id })).toMatchObject({ late: true })
    expect(await webhook(shop.sale, provider, payment)).toBe('ship')
  })

  test('a payment for an unknown reservation goes back', async () => {
    const { shop, provider } = await opened()
    const session = provider.createSession('1AAnobodyknowsthis0', shop.now() / 1_000 + 60)
    expect(await webhook(shop.sale, provider, provider.pay(session)!)).toBe('refund')
  })
})
