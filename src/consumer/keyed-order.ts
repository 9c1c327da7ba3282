import type { Delivery } from './delivery.js'

/**
 * The order of deliveries: events of one key wait for each other. It outlives the lease: a handler
 * that still runs when the lease is lost and won again holds up its key until it ends.
 */
export class KeyedOrder {
  /** The last delivery of each key. */
  #tails = new Map<string, Delivery>()

  /** Adds a delivery. Returns whether it can be handled at once. */
  enter(delivery: Delivery): boolean {
    const tail = this.#tails.get(delivery.key)
    this.#tails.set(delivery.key, delivery)
    if (!tail) return true
    delivery.state = 'queued'
    delivery.before = tail
    tail.after = delivery
    return false
  }

  /** Removes a delivery that has ended. Returns the one behind it, which can be handled now. */
  leave(delivery: Delivery): Delivery | undefined {
    const { after } = delivery
    if (!after) {
      this.#tails.delete(delivery.key)
      return undefined
    }
    delivery.after = undefined
    after.before = undefined
    after.state = 'ready'
    return after
  }

  /** Drops all deliveries that wait; those that run stay until they end. */
  drop(): void {
    const running = new Map<string, Delivery>()
    for (const [key, tail] of this.#tails) {
      let delivery: Delivery | undefined = tail
      while (delivery) {
        const { before }: Delivery = delivery
        // A dropped delivery that is still in the order has been running since an earlier lease.
        if (delivery.state === 'running' || delivery.state === 'dropped') running.set(key, delivery)
        delivery.state = 'dropped'
        delivery.before = undefined
        delivery.after = undefined
        delivery = before
      }
    }
    this.#tails = running
  }
}
