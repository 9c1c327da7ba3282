import type { EventHandler } from '../../src/index.js'
import type { Refunding } from './bank.js'
import type { Packing } from './warehouse.js'

/**
 * From promise to parcel: what a shop does with the events of a sale. To be run by any number of processes, as one group:
 *
 *     const consumer = sale.consume({ group: 'fulfilment' }, fulfilment(warehouse, bank))
 *
 * Each event comes at least once: again if the warehouse did not answer, or if this process died before it could say that it
 * was done. So everything here is asked for under the reservation's id, and to ask twice is to ask once. What fails is thrown: it is tried
 * again later, and meanwhile holds up nothing but its own reservation. The events of one reservation come in order, so a
 * refund finds what was confirmed before.
 */
export function fulfilment(warehouse: Packing, bank: Refunding): EventHandler {
  return (event) => {
    switch (event.type) {
      // Paid for and final, also when the payment was late: the only event that sends anything.
      case 'confirmed': {
        const { id: reservation, items } = event.reservation
        return warehouse.pack({ reservation, items })
      }
      // The buyer was told to expect the money, not the goods.
      case 'refund_due': {
        const { id: reservation, paymentId } = event.reservation
        return bank.giveBack({ reservation, paymentId, why: 'refund_due' })
      }
      case 'refunded': {
        const { id: reservation, paymentId } = event.reservation
        return takeBack(reservation, paymentId)
      }
      // Nothing is paid for yet, or nothing was: most events, so no promise is made for them.
      default:
        return undefined
    }
  }

  /** The parcel first: the money goes back once nobody sends the goods any more, or they are on their way back. */
  async function takeBack(reservation: string, paymentId: string | undefined): Promise<void> {
    await warehouse.cancel(reservation)
    // If this fails, both are asked for again.
    await bank.giveBack({ reservation, paymentId, why: 'cancelled' })
  }
}
