import type { FlashSale, ReserveRequest, ReserveResult } from '../../../src/index.js'
import { patiently } from '../patiently.js'
import type { Crowd, Visit } from './crowd.js'
import type { Ledger } from './ledger.js'
import { type Fate, type Plan, planOf } from './plan.js'

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
  readonly plan: Plan
  comebacks: number
}

/** What the buyers do, each by a plan of their own; the answers go into the ledger. */
export class Buyers {
  readonly #sale: FlashSale
  readonly #crowd: Crowd
  readonly #ledger: Ledger
  readonly #seed: number
  readonly #holdMs: number
  /** Went away without a unit, though some may return. Numbers alone: they can be two hundred thousand. */
  #away: { readonly buyer: number; readonly number: number }[] = []

  constructor(sale: FlashSale, crowd: Crowd, ledger: Ledger, seed: number, holdMs: number) {
    this.#sale = sale
    this.#crowd = crowd
    this.#ledger = ledger
    this.#seed = seed
    this.#holdMs = holdMs
  }

  *arrivals(buyers: number): Generator<Visit> {
    for (let buyer = 0; buyer < buyers; buyer++) yield () => this.#attempt(buyer, 0)
  }

  /** Those who went away, called back: there are units again. At most so many. */
  *calledBack(most: number): Generator<Visit> {
    const called = this.#away.slice(0, most)
    this.#away = this.#away.slice(most)
    this.#ledger.comebacks += called.length
    for (const { buyer, number } of called) yield () => this.#attempt(buyer, number)
  }

  get away(): number {
    return this.#away.length
  }

  #attempt(buyer: number, number: number): Promise<void> {
    const plan = planOf(this.#seed, buyer, number)
    return this.#ask({ buyer, number, plan, comebacks: 0 }, plan.quantity)
  }

  async #ask(attempt: Attempt, quantity: number): Promise<void> {
    const { buyer, number, plan } = attempt
    const request = {
      buyer: `buyer-${buyer}`,
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
    const answer = await this.#patiently(() => this.#sale.reserve(request))
    const { accepted, refused } = this.#ledger.latencies
    const latencies = answer.status === 'reserved' ? accepted : refused
    latencies.add(performance.now() - askedAt)
    return answer
  }

  #refused(attempt: Attempt, quantity: number, answer: ReserveResult): void {
    const { plan, buyer, number } = attempt
    if (answer.status === 'limit_exceeded') {
      // Nothing was made under this key yet, so it is as good as new.
      const rest = answer.limit - answer.taken
      if (rest > 0 && plan.settlesForLess) this.#crowd.after(0, () => this.#ask(attempt, rest))
    } else if (answer.status === 'sold_out') {
      if (answer.available > 0)
        this.#crowd.after(0, () => this.#ask(attempt, Math.min(quantity, answer.available)))
      else if (answer.mayReturn && attempt.comebacks < plan.patience) this.#comeBack(attempt)
      else if (answer.mayReturn) this.#away.push({ buyer, number })
    } else if (answer.status === 'key_spent') {
      this.#crowd.after(0, () => this.#attempt(buyer, number + 1))
    }
  }

  #comeBack(attempt: Attempt): void {
    attempt.comebacks++
    this.#crowd.after(attempt.plan.pause * this.#holdMs, () => {
      this.#ledger.comebacks++
      return this.#ask(attempt, attempt.plan.quantity)
    })
  }

  #follow(attempt: Attempt, quantity: number, id: string, holdMs: number): void {
    const { fate, after } = attempt.plan
    const soon = holdMs * after
    const late = holdMs * LATE + soon / 10
    const then: Record<Fate, () => void> = {
      pays: () => this.#crowd.after(soon, () => this.#pay(attempt, quantity, id)),
      'pays late': () => this.#crowd.after(late, () => this.#pay(attempt, quantity, id)),
      'payment fails': () => this.#crowd.after(soon, () => this.#giveBack(attempt, quantity, id, 'failed')),
      'gives it back': () => this.#crowd.after(soon, () => this.#giveBack(attempt, quantity, id, 'released')),
      'lets it lapse': () => this.#ledger.dropouts.lapsed++,
    }
    then[fate]()
  }

  async #pay(attempt: Attempt, quantity: number, id: string): Promise<void> {
    const { buyer, number, plan } = attempt
    const report = () =>
      this.#patiently(() =>
        this.#sale.confirm(id, { buyer: `buyer-${buyer}`, paymentId: `payment-${buyer}-${number}` }),
      )
    const answers = await Promise.all(plan.reportedTwice ? [report(), report()] : [report()])
    this.#ledger.paid(buyer, quantity, id, answers)
    const sold = answers[0]!.status === 'confirmed'
    if (sold ? plan.wantsMore : plan.triesAgain) {
      this.#crowd.after(plan.pause * this.#holdMs, () => this.#attempt(buyer, number + 1))
    }
  }

  async #giveBack(attempt: Attempt, quantity: number, id: string, why: 'released' | 'failed'): Promise<void> {
    const { buyer, number, plan } = attempt
    await this.#patiently(() => this.#sale.release(id, { buyer: `buyer-${buyer}` }))
    this.#ledger.returned(buyer, quantity, id, why)
    if (why === 'failed' && plan.triesAgain) {
      this.#crowd.after(plan.pause * this.#holdMs, () => this.#attempt(buyer, number + 1))
    }
  }

  #patiently<T>(ask: () => Promise<T>): Promise<T> {
    return patiently(ask, () => {
      this.#ledger.retries++
    })
  }
}
