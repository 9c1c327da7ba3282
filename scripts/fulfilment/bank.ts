/** A refund to a buyer. */
export interface Refund {
  readonly reservation: string
  readonly paymentId: string | undefined
  /** `refund_due`: the payment came too late. `cancelled`: the buyer cancelled the order. */
  readonly why: 'refund_due' | 'cancelled'
}

export interface Refunding {
  /** Refunds once for each reservation, however often it is called. */
  giveBack(refund: Refund): Promise<void>
}

/**
 * Stands for a payment provider, which takes the reservation's id as the idempotency key of the
 * refund.
 */
export class Bank implements Refunding {
  readonly #table = new Map<string, Refund>()
  /** Repeated requests. */
  repeats = 0

  async giveBack(refund: Refund): Promise<void> {
    if (this.#table.has(refund.reservation)) this.repeats++
    else this.#table.set(refund.reservation, refund)
  }

  refunds(): Iterable<Refund> {
    return this.#table.values()
  }
}
