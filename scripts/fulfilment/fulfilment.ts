import type { EventHandler } from '../../src/index.js'
import type { Refunding } from './bank.js'
import type { Packing } from './warehouse.js'

/**
 * What a shop does with the events of a sale. Any number of processes can run it, as one group:
 *
 *     const consumer = sale.consume({ group: 'fulfilment' }, fulfilment(warehouse, bank))
 *
 * Each event comes at least once: again if the warehouse did not answer, or if this process crashed
 * before it acknowledged the event. So each call carries the reservation's id, and a repeated call
 * changes nothing. An error is thrown: the event is retried later, and meanwhile delays only its
 * own reservation. The events of one reservation come in order, so a refund finds what was
 * confirmed before.
 */
export function fulfilment(warehouse: Packing, bank: Refunding): EventHandler {
  return (event) => {
    switch (event.type) {
      // Paid and final, also after a late payment: the only event that ships anything.
      case 'confirmed': {
        const { id: reservation, items } = event.reservation
        return warehouse.pack({ reservation, items })
      }
      // This payment goes back. The reservation may be the order of another payment.
      case 'refund_due': {
        const { reservation, paymentId } = event
        return bank.giveBack({ reservation: reservation.id, paymentId, why: 'refund_due' })
      }
      case 'refunded': {
        const { id: reservation, paymentId } = event.reservation
        return takeBack(reservation, paymentId)
      }
      // No payment is involved: most events, so no promise is allocated for them.
      default:
        return undefined
    }
  }

  /**
   * The parcel first: the money goes back once the goods are not shipped, or are on their way back.
   */
  async function takeBack(reservation: string, paymentId: string | undefined): Promise<void> {
    await warehouse.cancel(reservation)
    // If this call fails, both calls are repeated.
    await bank.giveBack({ reservation, paymentId, why: 'cancelled' })
  }
}
