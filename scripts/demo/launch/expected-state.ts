import type { ConfirmResult, ReserveResult } from '../../../src/index.js'
import { ExpectedAdmissions } from './expected-admissions.js'
import { Latencies } from './latencies.js'

type Refused = Exclude<ReserveResult, { status: 'reserved' }>

/**
 * The expected state of the sale, from nothing but the answers that buyers got. The counts and the
 * audit of the sale are not used here; they are compared with this state in the end.
 */
export class ExpectedState {
  /** By buyer: units held or bought, as far as the buyer knows, and the most at a time. */
  readonly #units: Uint32Array
  readonly peaks: Uint32Array
  /** By buyer: the quantity of the latest request if it was refused as `sold_out`, or 0. */
  readonly wanted: Uint32Array
  /** Units of each, by the reservation's id. */
  readonly confirmed = new Map<string, number>()
  /** Confirmed, and given back afterwards. */
  readonly cancelled = new Map<string, number>()
  readonly refundDue: string[] = []
  readonly released: string[] = []
  confirmedUnits = 0
  cancelledUnits = 0
  /** When the last payment was accepted, by `performance.now()`. */
  lastSaleAt = performance.now()
  reservations = 0
  readonly refused = new Map<string, number>()
  /** Requests that were told that no unit is left and none will return. */
  toldGone = 0
  readonly doubleClicks = { sent: 0, reserved: 0, contradictions: 0 }
  readonly doubleReports = { sent: 0, contradictions: 0 }
  readonly late = { confirmed: 0, refundDue: new Map<string, number>() }
  readonly dropouts = { released: 0, expired: 0, failed: 0 }
  comebacks = 0
  retries = 0
  readonly room: ExpectedAdmissions
  readonly latencies = { accepted: new Latencies(), refused: new Latencies() }

  constructor(buyers: number, passMs: number) {
    this.room = new ExpectedAdmissions(buyers, passMs)
    this.#units = new Uint32Array(buyers)
    this.peaks = new Uint32Array(buyers)
    this.wanted = new Uint32Array(buyers)
  }

  /** The answers to one click, or to the two of a double click. */
  clicked(buyer: number, quantity: number, answers: readonly ReserveResult[]): void {
    const reserved = answers.filter((answer) => answer.status === 'reserved')
    const ids = new Set(reserved.map(({ reservation }) => reservation.id))
    if (answers.length > 1) {
      this.doubleClicks.sent++
      if (reserved.length === answers.length) this.doubleClicks.reserved++
      // At most one click makes the reservation; if its answer was lost, both are answered as
      // replayed.
      const made = reserved.filter(({ replayed }) => !replayed).length
      if (ids.size > 1 || made > 1) this.doubleClicks.contradictions++
    }
    this.reservations += ids.size
    this.#give(buyer, quantity * ids.size)
    for (const answer of answers) if (answer.status !== 'reserved') this.#refuse(buyer, quantity, answer)
    if (ids.size > 0) {
      this.wanted[buyer] = 0
      this.room.reserved(buyer)
    }
  }

  #refuse(buyer: number, quantity: number, answer: Refused): void {
    const soldOut = answer.status === 'sold_out'
    const gone = soldOut && answer.available === 0 && !answer.mayReturn
    if (gone) this.toldGone++
    const reason = gone ? 'sold out for good' : soldOut ? 'sold out for now' : wordsFor(answer)
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)
    this.wanted[buyer] = soldOut ? quantity : 0
  }

  /** The answers to one report of a payment, or to the two of it. */
  paid(buyer: number, quantity: number, id: string, answers: readonly ConfirmResult[]): void {
    if (answers.length > 1) {
      this.doubleReports.sent++
      if (answers.some(({ status }) => status !== answers[0]!.status)) this.doubleReports.contradictions++
    }
    const [answer] = answers
    if (answer?.status === 'confirmed') {
      this.confirmed.set(id, quantity)
      this.confirmedUnits += quantity
      this.lastSaleAt = performance.now()
      if (answer.late) this.late.confirmed++
    } else {
      const reason = answer?.status === 'refund_due' ? answer.reason : 'not_found'
      this.refundDue.push(id)
      this.late.refundDue.set(reason, (this.late.refundDue.get(reason) ?? 0) + 1)
      this.#give(buyer, -quantity)
    }
  }

  /** The buyer has given back what was paid for. */
  takenBack(buyer: number, id: string): void {
    const quantity = this.confirmed.get(id)!
    this.confirmed.delete(id)
    this.cancelled.set(id, quantity)
    this.confirmedUnits -= quantity
    this.cancelledUnits += quantity
    this.#give(buyer, -quantity)
  }

  /** The buyer has released a hold. */
  returned(buyer: number, quantity: number, id: string, fate: 'released' | 'failed'): void {
    this.released.push(id)
    this.dropouts[fate]++
    this.#give(buyer, -quantity)
  }

  #give(buyer: number, quantity: number): void {
    this.#units[buyer]! += quantity
    this.peaks[buyer] = Math.max(this.peaks[buyer]!, this.#units[buyer]!)
  }
}

function wordsFor(answer: Refused): string {
  return answer.status === 'pass_rejected' ? `pass ${answer.reason}` : answer.status.replace('_', ' ')
}
