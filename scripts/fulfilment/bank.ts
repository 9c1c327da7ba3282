/** A refund to a buyer. */
export interface Refund {
  readonly reservation: string
  readonly paymentId: string | undefined
  /**
   * `refund_due`: the payment came too late, or the order was paid for before. `cancelled`: the
   * buyer cancelled the order.
   */
  readonly why: 'refund_due' | 'cancelled'
}

export interface Refunding {
  /** Refunds each payment of a reservation once, however often it is called. */
  giveBack(refund: Refund): Promise<void>
}

/**
 * Stands for a payment provider, which takes the ids of reservation and payment as the idempotency
 * key of the refund.
 */
export class Bank implements Refunding {
  readonly #table = new Map<string, Refund>()
  /** Repeated requests. */
  repeats = 0

  async giveBack(refund: Refund): Promise<void> {
    const key = `${refund.reservation} ${refund.paymentId ?? ''}`
    if (this.#table.has(key)) this.repeats++
    else this.#table.set(key, refund)
  }

  refunds(): Iterable<Refund> {
    return this.#table.values()
  }
}
