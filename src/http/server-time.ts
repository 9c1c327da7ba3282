import { partitionOf } from '../engine/reservation-id.js'
import { contextOf, type FlashSale } from '../sale/flash-sale.js'

/**
 * The server's clock, as far as this process knows it; before the first answer of the server, the
 * clock of this machine.
 *
 * @param reservation Its partition's server decides when it expires.
 */
export function serverTime(sale: FlashSale, reservation?: string): number {
  const { partitions } = contextOf(sale).client
  const partition = (reservation === undefined ? undefined : partitionOf(reservation)) ?? 0
  const { now } = partitions.session(partition < partitions.count ? partition : 0).time
  return now < Number.MAX_SAFE_INTEGER ? now : Date.now()
}

/** From some ms to twice as many, so that visitors who were sent away do not come back at once. */
export function spread(ms: number): number {
  return Math.ceil(ms * (1 + Math.random()))
}
