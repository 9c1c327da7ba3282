import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import type { StoredReservation } from '../../../src/engine/engine.js'
import { type Engine, FlashSale, redisEngine } from '../../../src/index.js'
import { type Order, type Report, SHORT_MS } from './orders.js'
import { everything } from './stored.js'

export interface Trial {
  /** Of Redis itself: whatever is wrong with the network, the verdict is not. */
  readonly url: string
  readonly sale: string
  readonly stock: number
  readonly limit: number
}

export interface Leniency {
  /** Codes of faults that callers may have been told, beside UNAVAILABLE and UNKNOWN_OUTCOME. */
  readonly codes?: readonly string[]
}

/** What a call may be told while nothing but the server or the network is at fault. */
const answers = [
  'reserved',
  'sold_out',
  'limit_exceeded',
  'key_spent',
  'confirmed',
  'refund_due',
  'released',
  'expired',
]
const faults = ['UNAVAILABLE', 'UNKNOWN_OUTCOME']

/**
 * Holds a sale to everything it has said, and to every invariant; then sells what is left, to the
 * last unit. The crowd must have stopped, and Redis must be well.
 */
export async function verdict(
  trial: Trial,
  reports: readonly Report[],
  lenient: Leniency = {},
): Promise<void> {
  await interimVerdict(trial, reports, lenient)
  await withHandles(trial, async ([sale], engine) => {
    const { held } = (await sale!.stats()).skus.phone!
    const holds = (await everything(engine, trial.sale)).filter(({ state }) => state === 'held')
    expect(holds.filter(({ createdAt, expiresAt }) => expiresAt - createdAt === SHORT_MS)).toEqual([])
    expect(holds.reduce((units, { cart }) => units + cart[0]![1], 0)).toBe(held)
    await sellOut(sale!, trial)
  })
}

/** {@link verdict} without the selling out, for a sale that goes on afterwards. */
export async function interimVerdict(
  trial: Trial,
  reports: readonly Report[],
  lenient: Leniency = {},
): Promise<void> {
  for (const report of reports) settledInTime(report, lenient)
  const orders = reports.flatMap((report) => report.orders)
  await withHandles(trial, async (handles, engine) => {
    await resolve(handles, orders)
    // Once every short hold has expired and been swept, nothing moves any more.
    await delay(SHORT_MS + 50)
    await audited(handles[0]!)
    const { skus } = await handles[0]!.stats()
    const phone = skus.phone!
    expect(phone.total).toBe(trial.stock)
    expect(phone.available + phone.held + phone.confirmed + phone.inTransit).toBe(phone.total)
    expect(Math.min(phone.available, phone.held, phone.confirmed, phone.inTransit)).toBeGreaterThanOrEqual(0)
    const stored = await everything(engine, trial.sale)
    keptWord(orders, stored)
    withinLimits(stored, trial.limit)
    expect(promised(orders), 'units promised and not given back').toBeLessThanOrEqual(
      phone.held + phone.confirmed,
    )
  })
}

/** Every promise has settled, by its deadline, and as something that it may be. */
export function settledInTime({ calls }: Report, { codes = [] }: Leniency = {}): void {
  const allowed = new Set([...answers, ...faults, ...codes])
  expect(calls.filter(({ told }) => !allowed.has(told)).slice(0, 3)).toEqual([])
  expect(calls.filter(({ overdue }) => overdue).slice(0, 3)).toEqual([])
}

/**
 * Whoever was left in the dark asks again, in two places at once: one answer, and the same one ever
 * after.
 */
async function resolve(handles: readonly FlashSale[], orders: readonly Order[]): Promise<void> {
  const inBoth = (ask: (sale: FlashSale) => Promise<string>) => Promise.all(handles.map(ask))
  await inTurn(orders, async (order) => {
    if (order.told === 'UNKNOWN_OUTCOME' || order.ids.length > 0) {
      const { buyer, key, quantity, holdMs } = order
      const items = [{ sku: 'phone', quantity }]
      const request = holdMs === null ? { buyer, key, items } : { buyer, key, items, holdMs }
      const ask = async (sale: FlashSale) => {
        const result = await sale.reserve(request)
        return 'reservation' in result ? result.reservation.id : result.status
      }
      const first = await inBoth(ask)
      // A short hold of another's may expire between two refusals; then the next two are the same.
      const told = first[0] === first[1] ? first : await inBoth(ask)
      expect(told[0], `${buyer} ${key}`).toBe(told[1])
      if (told[0]!.length === 19) order.ids.push(told[0]!)
      order.told = told[0]!
    }
    expect(new Set(order.ids).size, `reservations of ${order.buyer} ${order.key}`).toBeLessThan(2)
    if (order.wishTold === 'UNKNOWN_OUTCOME') {
      const { wish, ids } = order
      const told = await inBoth(async (sale) => (await sale[wish!](ids[0]!)).status)
      expect(told[0]).toBe(told[1])
      order.wishTold = told[0]!
    }
  })
}

/**
 * Each reservation that was acknowledged exists exactly once, as it was told; and there is none
 * that nobody asked for.
 */
function keptWord(orders: readonly Order[], stored: readonly StoredReservation[]): void {
  const byId = new Map(stored.map((reservation) => [reservation.id, reservation]))
  const asked = new Map(orders.map((order) => [`${order.buyer} ${order.key}`, order]))
  const found = new Set<string>()
  for (const { id, buyer, key, cart } of stored) {
    const order = asked.get(`${buyer} ${key}`)
    expect(order, `${id} of ${buyer} ${key}: nobody asked for it`).toBeDefined()
    expect(cart).toEqual([[0, order!.quantity]])
    // Who was refused, or told that nothing was executed, has nothing: however late a request
    // arrives.
    expect(order!.ids.length, `${buyer} ${key} has ${id}, and was told ${order!.told}`).toBeGreaterThan(0)
    expect(found.has(`${buyer} ${key}`), `${buyer} ${key} has two reservations`).toBe(false)
    found.add(`${buyer} ${key}`)
  }
  for (const { ids, holdMs, wishTold, buyer, key } of orders) {
    if (ids.length === 0) continue
    const reservation = byId.get(ids[0]!)
    const what = `${ids[0]} of ${buyer} ${key}, told ${wishTold}`
    expect(reservation, `${what}, is gone`).toBeDefined()
    expect(statesAfter(wishTold, holdMs !== null), what).toContain(reservation!.state)
  }
}

/** The states a reservation may be in, by the latest word on it. */
function statesAfter(told: string | undefined, mayLapse: boolean): readonly string[] {
  if (told === 'confirmed' || told === 'released' || told === 'expired') return [told]
  if (told === 'refund_due') return ['expired']
  return mayLapse ? ['held', 'expired'] : ['held']
}

function withinLimits(stored: readonly StoredReservation[], limit: number): void {
  const taken = new Map<string, number>()
  for (const { buyer, state, cart } of stored) {
    if (state === 'held' || state === 'confirmed') taken.set(buyer, (taken.get(buyer) ?? 0) + cart[0]![1])
  }
  expect(Math.max(0, ...taken.values()), 'units of one buyer').toBeLessThanOrEqual(limit)
}

function promised(orders: readonly Order[]): number {
  return orders
    .filter(({ ids, wishTold, holdMs }) => {
      if (ids.length === 0) return false
      return wishTold === 'confirmed' || (holdMs === null && wishTold !== 'released')
    })
    .reduce((units, { quantity }) => units + quantity, 0)
}

/** Whatever is left can be bought, and not a unit more. */
async function sellOut(sale: FlashSale, { stock, limit }: Trial): Promise<void> {
  const { available } = (await sale.stats()).skus.phone!
  const carts = Array.from({ length: Math.ceil(available / limit) }, (_, i) => i * limit)
  await inTurn(carts, async (before) => {
    const quantity = Math.min(limit, available - before)
    const request = { buyer: `last-${before}`, key: 'k', items: [{ sku: 'phone', quantity }] }
    expect(await sale.reserve(request)).toMatchObject({ status: 'reserved', replayed: false })
  })
  const last = await sale.reserve({ buyer: 'too late', key: 'k', items: [{ sku: 'phone', quantity: 1 }] })
  expect(last.status).toBe('sold_out')
  const { phone } = (await sale.stats()).skus
  expect(phone!.held + phone!.confirmed).toBe(stock)
  await audited(sale)
}

async function audited(sale: FlashSale): Promise<void> {
  const { ok, violations } = await sale.audit()
  expect(violations).toEqual([])
  expect(ok).toBe(true)
}

/** A few hundred at a time: enough to fill batches, and no more than a handle takes. */
async function inTurn<T>(all: readonly T[], each: (one: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += 500) await Promise.all(all.slice(at, at + 500).map(each))
}

/** Two handles that have nothing to do with what happened before. */
async function withHandles(
  { url, sale }: Trial,
  judge: (handles: readonly FlashSale[], engine: Engine) => Promise<void>,
): Promise<void> {
  const engines = [redisEngine(url), redisEngine(url)]
  const handles = engines.map((engine) => new FlashSale(sale, { engine, deadlineMs: 60_000 }))
  try {
    await judge(handles, engines[0]!)
  } finally {
    for (const handle of handles) await handle.close()
    for (const engine of engines) await engine.close()
  }
}
