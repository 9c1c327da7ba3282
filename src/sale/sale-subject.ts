import { partitionOf } from '../engine/reservation-id.js'
import type { CallSubject } from '../telemetry/report-calls.js'
import { partitionForBuyer, STOCK_PARTITION } from './partitions.js'
import type { SaleClient } from './sale-client.js'

/** The commands whose first argument is the id of a reservation. */
const OF_RESERVATION = new Set(['confirm', 'amend', 'transfer', 'release', 'extend', 'refund', 'get'])
const OF_STOCK = new Set(['restock', 'setTotal', 'move'])

/** What telemetry tells of the calls of a handle. */
export function saleSubject(sale: string, { clock, partitions }: SaleClient): CallSubject {
  return {
    ...{ sale, room: null, group: null, clock },
    partitionOf(command, argument) {
      const { count, incarnation } = partitions
      if (OF_STOCK.has(command)) return STOCK_PARTITION
      if (OF_RESERVATION.has(command)) {
        const partition = typeof argument === 'string' ? partitionOf(argument) : undefined
        return partition !== undefined && partition < count ? partition : null
      }
      const buyer = command === 'reserve' ? (argument as { buyer?: unknown } | null)?.buyer : argument
      if (command !== 'reserve' && command !== 'reservationsOf') return null
      if (incarnation === null || typeof buyer !== 'string') return null
      return partitionForBuyer(incarnation, buyer, count)
    },
  }
}
