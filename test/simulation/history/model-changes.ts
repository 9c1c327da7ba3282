import type { Reservation } from '../../../src/sale/results.js'
import type { Known, Sale } from './model.js'

/** A change keeps the time it was made at: nothing comes before it any more. */
export function applied(sale: Sale, now: number, change: Partial<Sale>): Sale {
  return { ...sale, ...change, now }
}

export function withKnown(sale: Sale, now: number, name: string, known: Known): Sale {
  return applied(sale, now, { known: new Map(sale.known).set(name, known) })
}

/** The reservation as it is at a moment: a hold past its time is over, whoever looks. */
export function latest({ reservation }: Known, now: number): Reservation {
  const lapsed = reservation.state === 'held' && now >= reservation.expiresAt
  return lapsed ? { ...reservation, state: 'expired' } : reservation
}
