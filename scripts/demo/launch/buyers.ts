import type { ReserveRequest, ReserveResult } from '../../../src/index.js'
import { patiently } from '../../lib/retry.js'
import type { Visit } from './crowd.js'
import type { Ledger } from './ledger.js'
import { type Fate, type Plan, planOf } from './plan.js'
import { type Around, nameOf, Visitors } from './visitors.js'

export const SALE = 'mango-me-launch'
export const SKU = 'mango-me'
export const LIMIT = 2

/** A late payment comes after this share of the hold. */
const LATE = 1.02
/** An express hold, as a share of the sale's. */
const EXPRESS = 0.2

/** One buyer's way to one reservation, under one key. */
interface Attempt {
  readonly buyer: number
  readonly number: number
  /** What lets this buyer try: the latest pass. */
  readonly pass: string
  readonly plan: Plan
  comebacks: number
}

/** What the buyers do, each by a plan of their own; the answers go into the ledger. */
export class Buyers {
  readonly #around: Around
  readonly #visitors: Visitors
  readonly #ledger: Ledger
  readonly #holdMs: number
  /** Went away without a unit, though some may return. Numbers alone: they can be two hundred thousand. */
  #away: { readonly buyer: number; readonly number: number }[] = []

  constructor(around: Around, ledger: Ledger, holdMs: number) {
    this.#around = around
    this.#visitors = new Visitors(around, (buyer, number, pass) => this.#attempt(buyer, number, pass))
    this.#ledger = ledger
    this.#holdMs = holdMs
  }

  *arrivals(buyers: number): Generator<Visit> {
    for (let buyer = 0; buyer < buyers; buyer++) yield () => this.#visitors.arrive(buyer, 0, false)
  }

  /** Those who went away, called back: there are units again. At most so many. */
  *calledBack(most: number): Generator<Visit> {
    const called = this.#away.slice(0, most)
    this.#away = this.#away.slice(most)
    this.#ledger.comebacks += called.length
    for (const { buyer, number } of called) yield () => this.#visitors.arrive(buyer, number, true)
  }

  get away(): number {
    return this.#away.length
  }

  #attempt(buyer: number, number: number, pass: string): Promise<void> {
    const plan = planOf(this.#around.seed, buyer, number)
    return this.#ask({ buyer, number, pass, plan, comebacks: 0 }, plan.quantity)
  }

  async #ask(attempt: Attempt, quantity: number): Promise<void> {
    const { buyer, number, pass, plan } = attempt
    const request = {
      buyer: nameOf(buyer),
      pass,
      items: [{ sku: SKU, quantity }],
      key: `checkout-${number}`,
      holdMs: plan.express ? Math.ceil(this.#holdMs * EXPRESS) : this.#holdMs,
    }
    const answers = await Promise.all(
      plan.doubleClick ? [this.#click(request), this.#click(request)] : [this.#click(request)],
    )
    this.#ledger.clicked(buyer, quantity, answers)
    const answer = answers.find(({ status }) => status === 'reserved') ?? answers.at(-1)!
    if (answer.status === 'reserved') this.#follow(attempt, quantity, answer.reservation.id, request.holdMs)
    else this.#refused(attempt, quantity, answer)
  }

  async #click(request: ReserveRequest): Promise<ReserveResult> {
    const askedAt = performance.now()
    const answer = await this.#patiently(() => this.#around.sale.reserve(request))
    const { accepted, refused } = this.#ledger.latencies
    const latencies = answer.status === 'reserved' ? accepted : refused
    latencies.add(performance.now() - askedAt)
    return answer
  }

  #refused(attempt: Attempt, quantity: number, answer: ReserveResult): void {
    const { plan, buyer, number, pass } = attempt
    const { crowd } = this.#around
    if (answer.status === 'limit_exceeded') {
      // Nothing was made under this key yet, so it is as good as new.
      const rest = answer.limit - answer.taken
      if (rest > 0 && plan.settlesForLess) crowd.after(0, () => this.#ask(attempt, rest))
    } else if (answer.status === 'sold_out') {
      if (answer.available > 0) crowd.after(0, () => this.#ask(attempt, Math.min(quantity, answer.available)))
      else if (answer.mayReturn && attempt.comebacks < plan.patience) this.#comeBack(attempt)
      else if (answer.mayReturn) this.#away.push({ buyer, number })
    } else if (answer.status === 'key_spent') {
      crowd.after(0, () => this.#attempt(buyer, number + 1, pass))
    } else if (answer.status === 'pass_rejected') {
      // It has run out meanwhile: to the end of the line, with the same wish.
      crowd.after(0, () => this.#visitors.arrive(buyer, number, true))
    }
  }

  #comeBack(attempt: Attempt): void {
    attempt.comebacks++
    this.#around.crowd.after(attempt.plan.pause * this.#holdMs, () => {
      this.#ledger.comebacks++
      return this.#ask(attempt, attempt.plan.quantity)
    })
  }

  #follow(attempt: Attempt, quantity: number, id: string, holdMs: number): void {
    const { fate, after } = attempt.plan
    const soon = holdMs * after
    const late = holdMs * LATE + soon / 10
    const { crowd } = this.#around
    const then: Record<Fate, () => void> = {
      pays: () => crowd.after(soon, () => this.#pay(attempt, quantity, id)),
      'pays late': () => crowd.after(late, () => this.#pay(attempt, quantity, id)),
      'payment fails': () => crowd.after(soon, () => this.#giveBack(attempt, quantity, id, 'failed')),
      'gives it back': () => crowd.after(soon, () => this.#giveBack(attempt, quantity, id, 'released')),
      'lets it lapse': () => this.#ledger.dropouts.lapsed++,
    }
    then[fate]()
  }

  async #pay(attempt: Attempt, quantity: number, id: string): Promise<void> {
    const { buyer, number, plan } = attempt
    const report = () =>
      this.#patiently(() =>
        this.#around.sale.confirm(id, { buyer: nameOf(buyer), paymentId: `payment-${buyer}-${number}` }),
      )
    const answers = await Promise.all(plan.reportedTwice ? [report(), report()] : [report()])
    this.#ledger.paid(buyer, quantity, id, answers)
    const sold = answers[0]!.status === 'confirmed'
    if (sold && plan.cancels)
      this.#around.crowd.after(plan.pause * this.#holdMs, () => this.#cancel(buyer, id))
    else if (sold ? plan.wantsMore : plan.triesAgain) this.#onceMore(attempt)
  }

  /** The units are checked before anybody else gets them: they leave this sale. */
  async #cancel(buyer: number, id: string): Promise<void> {
    const { status } = await this.#patiently(() => this.#around.sale.refund(id, { restock: false }))
    if (status === 'refunded') this.#ledger.takenBack(buyer, id)
  }

  async #giveBack(attempt: Attempt, quantity: number, id: string, why: 'released' | 'failed'): Promise<void> {
    const { buyer, plan } = attempt
    await this.#patiently(() => this.#around.sale.release(id, { buyer: nameOf(buyer) }))
    this.#ledger.returned(buyer, quantity, id, why)
    if (why === 'failed' && plan.triesAgain) this.#onceMore(attempt)
  }

  /** Under a new key, with the pass as long as it is good. */
  #onceMore({ buyer, number, pass, plan }: Attempt): void {
    this.#around.crowd.after(plan.pause * this.#holdMs, () => this.#attempt(buyer, number + 1, pass))
  }

  #patiently<T>(ask: () => Promise<T>): Promise<T> {
    return patiently(ask, this.#around.onRetry)
  }
}
