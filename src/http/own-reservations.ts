import { StockholdError } from '../errors.js'
import type { PostgresLedger } from '../postgres/ledger.js'
import type { Shipment } from '../postgres/orders/results.js'
import type { Reservation } from '../sale/results.js'
import type { Exchange } from './exchange.js'

/** A buyer's reservation; with the shipments of the order, if a ledger knows them. */
export type Found = Omit<Reservation, 'key'> & {
  readonly shipments?: readonly Shipment[] | undefined
}

/** One reservation, if it is the buyer's own. */
export async function findOwn(id: string, buyer: string, exchange: Exchange): Promise<Found | undefined> {
  const { sale } = exchange.options
  const inSale = async () => {
    const found = await sale.get(id)
    return found?.buyer === buyer ? [found] : []
  }
  const [found] = await find(inSale, { ids: [id] }, buyer, exchange)
  return found
}

/** A page of the buyer's reservations, the latest first. */
export async function listOwn(
  page: { readonly limit: number | undefined; readonly cursor: string | undefined },
  buyer: string,
  exchange: Exchange,
): Promise<readonly Found[]> {
  return find(() => exchange.options.sale.reservationsOf(buyer, page), page, buyer, exchange)
}

/** The ledger knows a sale that was removed, and how orders were shipped. */
async function find(
  inSale: () => Promise<readonly Reservation[]>,
  asked: Parameters<PostgresLedger['reservationsOf']>[2],
  buyer: string,
  { options }: Exchange,
): Promise<readonly Found[]> {
  const { sale, ledger, onError } = options
  if (ledger === undefined) return inSale()
  try {
    const found = await inSale()
    const paid = found.filter(({ state }) => state === 'confirmed' || state === 'refunded')
    if (paid.length === 0) return found
    const ids = paid.map(({ id }) => id)
    const known = await ledger.reservationsOf(sale, buyer, { ids, limit: 100 }).catch((error) => {
      // Without the ledger the order itself is right.
      onError(error)
      return undefined
    })
    const shipments = new Map(known?.map((one) => [one.id, one.shipments]))
    return found.map((one) => ({ ...one, shipments: known && (shipments.get(one.id) ?? []) }))
  } catch (error) {
    if (!(error instanceof StockholdError) || error.code !== 'NOT_FOUND') throw error
    return ledger.reservationsOf(sale, buyer, asked)
  }
}
