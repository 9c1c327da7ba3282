import { closedLoop, type Work } from '../../scripts/lib/load/drive.js'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import { BenchSale, buyerName, keyName, PLENTY, requestOf, SKU } from '../../scripts/lib/load/sale.js'
import type { Engine } from '../../src/index.js'

/** As many as fill one batch of one sale. */
export const CALLERS = 256

interface Wanted {
  /** Reservations of a round. */
  readonly count: number
  readonly rounds: number
  /** Of the sales: each begins with it. */
  readonly name: string
}

/** Sales in a state of one size. */
interface Site {
  /** Makes what the next round needs, and answers its requests. */
  next(): Promise<{ readonly count: number; readonly work: Work }>
  /** Compares the sales with what the callers were told, and closes them. */
  finish(invariants: Invariants): Promise<void>
}

/** Something that grows. */
export interface Axis {
  readonly name: 'reservations' | 'holds' | 'lines' | 'skus' | 'sales'
  readonly label: string
  open(engine: Engine, size: number, wanted: Wanted): Promise<Site>
}

/** A sale may grow by this share of its size in all rounds together. */
const GROWTH = 0.5
/** Sales of a site that are compared at the end. */
const CHECKED = 20

export const axes: readonly Axis[] = [
  { name: 'reservations', label: 'reservations in the sale', open: reservations },
  { name: 'holds', label: 'holds of the buyer', open: holds },
  { name: 'lines', label: 'lines of the cart', open: lines },
  { name: 'skus', label: 'SKUs of the sale', open: skus },
  { name: 'sales', label: 'sales', open: sales },
]

/** As many sales of the size as keep it while the rounds add to them. */
async function reservations(engine: Engine, size: number, { count, rounds, name }: Wanted): Promise<Site> {
  const each = Math.min(count, Math.ceil((size * GROWTH) / rounds))
  const all = await openSales(engine, name, Math.ceil(count / each))
  for (const sale of all) await repeat(size, sale.reserve)
  return {
    async next() {
      const first = all[0]!.held
      return { count: each * all.length, work: (n) => all[Math.floor(n / each)]!.reserve(first + (n % each)) }
    },
    finish: (invariants) => finish(all, invariants),
  }
}

/** New buyers in each round, who get their holds first. */
async function holds(engine: Engine, size: number, { count, name }: Wanted): Promise<Site> {
  const sale = await BenchSale.open(engine, name, { limitPerBuyer: PLENTY })
  /** Of each buyer in a round. */
  const added = Math.max(1, Math.floor(size / 4))
  const buyers = Math.ceil(count / added)
  let first = 0
  const reserve =
    (from: number): Work =>
    async (n) => {
      const request = { ...requestOf(from + n), buyer: buyerName(first + (n % buyers)) }
      return (await sale.hold(request)) === undefined ? 'refused' : 'accepted'
    }
  return {
    async next() {
      first += buyers
      await repeat(size * buyers, reserve(sale.held))
      return { count: added * buyers, work: reserve(sale.held) }
    },
    finish: (invariants) => finish([sale], invariants),
  }
}

/** As many lines in a round, whatever the carts, but a cart for each caller at least. */
async function lines(engine: Engine, size: number, { count, name }: Wanted): Promise<Site> {
  const stock = stockOf(size)
  const items = Object.keys(stock).map((sku) => ({ sku, quantity: 1 }))
  const sale = await BenchSale.open(engine, name, { stock }, { lines: size })
  return {
    async next() {
      const first = sale.held
      const work: Work = async (n) => {
        const request = { buyer: buyerName(first + n), key: keyName(first + n), items }
        return (await sale.hold(request)) === undefined ? 'refused' : 'accepted'
      }
      return { count: Math.max(CALLERS, Math.round(count / size)), work }
    },
    finish: (invariants) => finish([sale], invariants),
  }
}

/** Carts of one line; the SKUs take turns. */
async function skus(engine: Engine, size: number, { count, name }: Wanted): Promise<Site> {
  const stock = stockOf(size)
  const names = Object.keys(stock)
  const sale = await BenchSale.open(engine, name, { stock })
  return {
    async next() {
      const first = sale.held
      const work: Work = async (n) => {
        const items = [{ sku: names[n % size]!, quantity: 1 }]
        const request = { buyer: buyerName(first + n), key: keyName(first + n), items }
        return (await sale.hold(request)) === undefined ? 'refused' : 'accepted'
      }
      return { count, work }
    },
    finish: (invariants) => finish([sale], invariants),
  }
}

/** The sales take turns, so that the callers of a moment are in as many sales as there are. */
async function sales(engine: Engine, size: number, { count, name }: Wanted): Promise<Site> {
  const all = await openSales(engine, name, size)
  let first = 0
  const next = async () => {
    const from = first
    first += count
    return { count, work: (n: number) => all[n % size]!.reserve(from + n) }
  }
  // Each handle learns the rules with its first call, which is no part of a reservation.
  await repeat(size, (await next()).work)
  return { next, finish: (invariants) => finish(all, invariants) }
}

function stockOf(skus: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: skus }, (_, i) => [`${SKU}-${i}`, PLENTY]))
}

async function openSales(engine: Engine, name: string, count: number): Promise<BenchSale[]> {
  const all: BenchSale[] = []
  await repeat(count, async (n) => {
    all[n] = await BenchSale.open(engine, `${name}-${n}`)
    return 'accepted'
  })
  return all
}

/** @throws What the first request that failed threw. */
async function repeat(count: number, work: Work): Promise<void> {
  const { failed, refused, error } = await closedLoop({ callers: 4 * CALLERS, limit: { count }, work })
  if (failed > 0) throw error
  if (refused > 0) throw new Error('A reservation was refused while there was stock.')
}

async function finish(all: readonly BenchSale[], invariants: Invariants): Promise<void> {
  for (const [i, sale] of all.entries()) {
    if (i < CHECKED) await sale.finish(invariants, { audit: i === 0 })
    else await sale.sale.close()
  }
}
