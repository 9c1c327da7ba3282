import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { differences, type FulfilmentResult, type Paid } from '../../../scripts/demo/fulfilment/comparison.js'
import { openLedgerDatabase } from '../../../scripts/demo/fulfilment/ledger-database.js'
import { amountOf, priceOf, type Receipts } from '../../../scripts/demo/fulfilment/receipt.js'
import { receiptFaults, receiptSection } from '../../../scripts/demo/fulfilment/receipt-summary.js'
import { UnreliableServices } from '../../../scripts/demo/fulfilment/unreliable-services.js'
import { Bank } from '../../../scripts/fulfilment/bank.js'
import { fulfilment } from '../../../scripts/fulfilment/fulfilment.js'
import { PollScheduler } from '../../../scripts/fulfilment/poll-scheduler.js'
import { caughtUp, visit } from '../../../scripts/fulfilment/visit.js'
import { Warehouse } from '../../../scripts/fulfilment/warehouse.js'
import { type EventHandler, FlashSale, memoryEngine } from '../../../src/index.js'
import { until } from '../../support/consumers.js'

const options = { group: 'fulfilment', leaseMs: 300, retryDelayMs: 5, pollMs: 20 }

async function shop() {
  const engine = memoryEngine()
  const open = () => {
    const handle = new FlashSale('shop', { engine, deadlineMs: 60_000 })
    onTestFinished(() => handle.close())
    return handle
  }
  const sale = open()
  await sale.create({ stock: { tea: 1_000, mug: 1_000 } })
  const reserve = async (buyer: string) => {
    const answer = await sale.reserve({ buyer, items: [{ sku: 'tea', quantity: 2 }] })
    if (answer.status !== 'reserved') throw new Error(answer.status)
    return answer.reservation.id
  }
  const buy = async (buyer: string) => {
    const id = await reserve(buyer)
    await sale.confirm(id, { paymentId: `payment of ${buyer}` })
    return id
  }
  return { sale, open, reserve, buy, warehouse: new Warehouse(), bank: new Bank() }
}

describe('the example of a consumer', () => {
  test('sends a parcel for what was paid, none for what was given back, and the money where it is due', async () => {
    const { sale, reserve, buy, warehouse, bank } = await shop()
    const kept = await buy('ann')
    const cancelled = await buy('ben')
    await sale.refund(cancelled, { restock: true })
    const late = await reserve('carl')
    await sale.release(late)
    await sale.confirm(late, { paymentId: 'too late' })
    await reserve('dora')
    await visit(sale, options, fulfilment(warehouse, bank))
    expect([...warehouse.shipments()]).toEqual([
      { reservation: kept, items: [{ sku: 'tea', quantity: 2 }], state: 'packed' },
    ])
    expect(new Set(bank.refunds())).toEqual(
      new Set([
        { reservation: cancelled, paymentId: 'payment of ben', why: 'cancelled' },
        { reservation: late, paymentId: 'too late', why: 'refund_due' },
      ]),
    )
    expect(warehouse).toMatchObject({ parcels: 1, units: 2, cancelled: 1, repeats: 0 })
  })

  test('does nothing twice when every event comes again, whatever the warehouse has told before', async () => {
    const { sale, buy, warehouse, bank } = await shop()
    for (const buyer of ['ann', 'ben', 'carl']) await buy(buyer)
    await sale.refund(await buy('dora'), { restock: false })
    const handler = fulfilment(warehouse, bank)
    await visit(sale, { ...options, group: 'once' }, handler)
    await visit(sale, { ...options, group: 'again' }, handler)
    expect(warehouse).toMatchObject({ parcels: 3, units: 6, cancelled: 1, repeats: 4 })
    expect([...bank.refunds()]).toHaveLength(1)
    expect(bank.repeats).toBe(1)
  })

  test('an order that comes after its cancellation is not packed', async () => {
    const warehouse = new Warehouse()
    expect(await warehouse.cancel('r')).toBe('cancelled')
    await warehouse.pack({ reservation: 'r', items: [{ sku: 'tea', quantity: 1 }] })
    expect(warehouse).toMatchObject({ parcels: 0, units: 0, cancelled: 1 })
    expect([...warehouse.shipments()]).toEqual([])
  })

  test('what the van has taken is not cancelled any more', async () => {
    const warehouse = new Warehouse()
    await warehouse.pack({ reservation: 'r', items: [{ sku: 'tea', quantity: 1 }] })
    expect(warehouse.ship()).toBe(1)
    expect(warehouse.ship()).toBe(0)
    expect(await warehouse.cancel('r')).toBe('shipped')
    expect(warehouse).toMatchObject({ parcels: 1, cancelled: 0 })
  })

  test('survives a warehouse that fails, and a worker that dies in the middle', async () => {
    const { sale, open, buy, warehouse, bank } = await shop()
    const ids = await Promise.all(Array.from({ length: 400 }, (_, i) => buy(`buyer-${i}`)))
    for (const id of ids.slice(0, 20)) await sale.refund(id, { restock: true })
    const services = new UnreliableServices(warehouse, bank, 7)
    const handler = fulfilment(services, services)
    const first = open()
    const slowly: EventHandler = async (event, context) => {
      await delay(2)
      return handler(event, context)
    }
    const dying = first.consume({ ...options, name: 'dying', concurrency: 4 }, slowly)
    await until(() => warehouse.parcels > 50)
    await first.close()
    await expect(dying.closed).rejects.toMatchObject({ code: 'CLOSED' })
    expect(warehouse.parcels).toBeLessThan(380)
    await visit(open(), options, handler)
    expect(warehouse).toMatchObject({ parcels: 380, units: 760, cancelled: 20 })
    expect([...bank.refunds()]).toHaveLength(20)
    expect(services.failures).toBeGreaterThan(0)
    expect(warehouse.repeats).toBeGreaterThan(0)
  })

  test('a close that waits for a handler that never succeeds warns of it', async () => {
    const { sale, buy } = await shop()
    await buy('ann')
    const consumer = sale.consume({ ...options, maxAttempts: 1_000_000 }, (event) => {
      if (event.type === 'confirmed') throw new Error('no')
    })
    expect(await caughtUp(consumer, 200)).toBe(false)
    await consumer.close()
  })
})

describe('the scheduler', () => {
  test('visits each store that has orders once for all that gather, never twice at a time, and no more than it has workers', async () => {
    const visits: string[] = []
    let now = 0
    let most = 0
    const here = new Set<string>()
    const scheduler = new PollScheduler<string>(
      async (store) => {
        expect(here.has(store)).toBe(false)
        here.add(store)
        most = Math.max(most, ++now)
        visits.push(store)
        await delay(15)
        here.delete(store)
        now--
      },
      { atOnce: 2, afterMs: 300 },
    )
    for (const store of ['a', 'b', 'a', 'c', 'a']) scheduler.tell(store)
    expect(visits).toEqual([])
    await until(() => visits.includes('a'))
    scheduler.tell('a')
    await until(() => scheduler.busy === 0)
    expect(visits).toEqual(['a', 'b', 'c', 'a'])
    expect(most).toBe(2)
  })

  test('comes again where it failed, and at the end does not wait', async () => {
    let fails = 1
    const scheduler = new PollScheduler<string>(
      async () => {
        if (fails-- > 0) throw new Error('away')
      },
      { atOnce: 4, afterMs: 20 },
    )
    scheduler.tell('a')
    await until(() => scheduler.visits === 2)
    expect(scheduler.failures).toBe(1)
    await until(() => scheduler.busy === 0)
    const patient = new PollScheduler<string>(async () => {}, { atOnce: 1, afterMs: 3_600_000 })
    for (const store of ['a', 'b', 'c']) patient.tell(store)
    await patient.finish()
    await patient.finish()
    expect(patient).toMatchObject({ visits: 3, busy: 0 })
  })
})

describe('the comparison', () => {
  const paid: Paid = {
    confirmed: new Map([
      ['a', 2],
      ['b', 1],
    ]),
    cancelled: new Map([['c', 1]]),
    refundDue: ['d'],
  }
  const rows = { confirmed: { orders: 2, units: 3 }, refunded: { orders: 1, units: 1 }, refundDue: 1 }
  const good: FulfilmentResult = {
    parcels: new Map(paid.confirmed),
    cancelled: 1,
    refunds: new Map([
      ['c', 'cancelled'],
      ['d', 'refund_due'],
    ]),
    caughtUp: true,
    dead: 0,
    ledger: { rows, compared: 4, wrong: 0 },
  }
  const ledger = (wrong: Partial<typeof rows>) => ({
    ledger: { ...good.ledger!, rows: { ...rows, ...wrong } },
  })

  test('finds nothing where everything is the same, with and without a ledger', () => {
    expect(differences(paid, good)).toEqual([])
    expect(differences(paid, { ...good, ledger: undefined })).toEqual([])
  })

  test.each<[string, Partial<FulfilmentResult>]>([
    ['parcels', { parcels: new Map([['a', 2]]) }],
    ['parcels', { parcels: new Map([...paid.confirmed, ['b', 2]]) }],
    ['parcels', { parcels: new Map([...paid.confirmed, ['c', 1]]) }],
    ['cancelled', { cancelled: 0 }],
    ['refunds', { refunds: new Map([['c', 'cancelled']]) }],
    ['refunds', { refunds: new Map([['d', 'refund_due']]) }],
    ['refunds', { refunds: new Map([...good.refunds, ['a', 'refund_due']]) }],
    ['fulfilment', { caughtUp: false }],
    ['dead letters', { dead: 1 }],
    ['ledger', ledger({ confirmed: { orders: 2, units: 4 } })],
    ['ledger', ledger({ refunded: { orders: 0, units: 0 } })],
    ['ledger', ledger({ refundDue: 2 })],
    ['reconcile', { ledger: { ...good.ledger!, wrong: 1 } }],
  ])('names what differs: %s', (name, wrong) => {
    const faults = differences(paid, { ...good, ...wrong })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(new RegExp(`^${name}:`))
  })
})

describe('the way from parcel to payout', () => {
  const confirmed = new Map([
    ['a', 2],
    ['b', 1],
    ['c', 1],
  ])
  const good: Receipts = {
    received: new Map(confirmed),
    sentBack: { before: new Map([['b', 1]]), after: new Map([['c', 1]]) },
    shippedAgain: 0,
    paidOut: amountOf(new Map([...confirmed].filter(([id]) => id !== 'b'))),
    deducted: amountOf(new Map([['c', 1]])),
    paidTwice: 0,
    open: 0,
  }

  test('adds up to the cent', () => {
    expect(receiptFaults(confirmed, good)).toEqual([])
    const { rows } = receiptSection(confirmed, good)
    expect(rows.at(-1)!.slice(1)).toEqual(rows.at(-2)!.slice(1))
    expect(rows.at(-1)!.slice(1, 3)).toEqual(['1', '2'])
    expect(rows.at(-1)![3]).toMatch(/^\d{3}\.\d\d$/)
  })

  test.each<[string, Partial<Receipts>]>([
    ['payouts', { paidOut: { ...good.paidOut, cents: good.paidOut.cents + 1 } }],
    ['payouts', { deducted: amountOf(new Map()) }],
    ['payouts', { paidTwice: 1 }],
    ['shipments', { shippedAgain: 1 }],
    ['receipt', { open: 1 }],
    ['receipt', { received: new Map([...confirmed].slice(1)), open: 1 }],
  ])('names what differs: %s', (name, wrong) => {
    const faults = receiptFaults(confirmed, { ...good, ...wrong })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(new RegExp(`^${name}:`))
  })

  test('every order has its price, the same in every run', () => {
    const prices = Array.from({ length: 1_000 }, (_, i) => priceOf(`order-${i}`))
    expect(prices).toEqual(Array.from({ length: 1_000 }, (_, i) => priceOf(`order-${i}`)))
    expect(new Set(prices).size).toBeGreaterThan(100)
    expect(Math.min(...prices)).toBeGreaterThan(8_900)
    expect(Math.max(...prices)).toBeLessThanOrEqual(9_900)
  })
})

describe('the ledger of the demo', () => {
  test.each([
    [
      'A PostgreSQL server is needed here (12 or later) and none could be found. Install one:\n ...',
      'none could be downloaded',
    ],
    ['PostgreSQL did not start on 127.0.0.1:1 (exit code 1). Its output:\nno space left', 'did not start'],
  ])('where none can be had, says in a line what to do: %s', async (message, why) => {
    const database = await openLedgerDatabase(
      () => {},
      () => Promise.reject(new Error(message)),
    )
    expect(database).toContain(why)
    expect(database).toMatch(/Install one, such as .*, or take --no-ledger$/)
    expect(database).not.toContain('\n')
  })
})
