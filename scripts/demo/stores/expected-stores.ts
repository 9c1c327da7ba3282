import type { ConfirmResult, ReserveResult } from '../../../src/index.js'
import type { Paid } from '../fulfilment/comparison.js'

/** The expected state of the stores, from nothing but the answers that buyers got. */
export class ExpectedStores implements Paid {
  readonly confirmed = new Map<string, number>()
  readonly cancelled = new Map<string, number>()
  readonly refundDue: string[] = []
  /** By store: units confirmed, and given back after the payment. */
  readonly confirmedIn: Int32Array
  readonly cancelledIn: Int32Array
  orders = 0
  reserved = 0
  refused = 0
  contradictions = 0
  retries = 0

  constructor(stores: number) {
    this.confirmedIn = new Int32Array(stores)
    this.cancelledIn = new Int32Array(stores)
  }

  /** The answers to the clicks of one order. */
  asked(answers: readonly ReserveResult[]): void {
    this.orders++
    const ids = new Set(answers.flatMap((one) => (one.status === 'reserved' ? [one.reservation.id] : [])))
    if (ids.size > 1) this.contradictions++
    if (ids.size > 0) this.reserved++
    else this.refused++
  }

  paid(store: number, id: string, units: number, answers: readonly ConfirmResult[]): void {
    const [answer] = answers
    if (answers.some(({ status }) => status !== answer!.status)) this.contradictions++
    if (answer!.status === 'confirmed') {
      this.confirmed.set(id, units)
      this.confirmedIn[store]! += units
    } else this.refundDue.push(id)
  }

  takenBack(store: number, id: string): void {
    const units = this.confirmed.get(id)!
    this.confirmed.delete(id)
    this.cancelled.set(id, units)
    this.confirmedIn[store]! -= units
    this.cancelledIn[store]! += units
  }
}
