import type { ReserveRequest, ReserveResult } from '../../../src/index.js'
import { retry } from '../../lib/retry.js'
import type { Visit } from './buyer-scheduler.js'
import type { ExpectedState } from './expected-state.js'
import { type Fate, type Plan, planOf } from './plan.js'
import { type LaunchContext, nameOf, Visitors } from './visitors.js'

export const SALE = 'mango-me-launch'
export const SKU = 'mango-me'
export const LIMIT = 2

/** A late payment comes after this share of the hold. */
const LATE = 1.02
/** An express hold, as a share of the sale's. */
const EXPRESS = 0.2

/** A buyer's attempt to make one reservation, under one key. */
interface Attempt {
  readonly buyer: number
  readonly number: number
  /** The buyer's latest pass. */
  readonly pass: string
  readonly plan: Plan
  comebacks: number
}

/** Carries out the plans of the buyers, and records their answers in the expected state. */
export class Buyers {
  readonly #context: LaunchContext
  readonly #visitors: Visitors
  readonly #expected: ExpectedState
  readonly #holdMs: number
  /** Buyers who left without a unit although some may return; up to two hundred thousand. */
  #away: { readonly buyer: number; readonly number: number }[] = []

  constructor(context: LaunchContext, expected: ExpectedState, holdMs: number) {
    this.#context = context
    this.#visitors = new Visitors(context, (buyer, number, pass) => this.#attempt(buyer, number, pass))
    this.#expected = expected
    this.#holdMs = holdMs
  }

  *arrivals(buyers: number): Generator<Visit> {
    for (let buyer = 0; buyer < buyers; buyer++) yield () => this.#visitors.arrive(buyer, 0, false)
  }

  /** Calls back up to `most` buyers who went away, since units are available again. */
  *calledBack(most: number): Generator<Visit> {
    const called = this.#away.slice(0, most)
    this.#away = this.#away.slice(most)
    this.#expected.comebacks += called.length
    for (const { buyer, number } of called) yield () => this.#visitors.arrive(buyer, number, true)
  }

  get away(): number {
    return this.#away.length
  }

  #attempt(buyer: number, number: number, pass: string): Promise<void> {
    const plan = planOf(this.#context.seed, buyer, number)
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
    this.#expected.clicked(buyer, quantity, answers)
    const answer = answers.find(({ status }) => status === 'reserved') ?? answers.at(-1)!
    if (answer.status === 'reserved') this.#follow(attempt, quantity, answer.reservation.id, request.holdMs)
    else this.#refused(attempt, quantity, answer)
  }

  async #click(request: ReserveRequest): Promise<ReserveResult> {
    const askedAt = performance.now()
    const answer = await this.#retry(() => this.#context.sale.reserve(request))
    const { accepted, refused } = this.#expected.latencies
    const latencies = answer.status === 'reserved' ? accepted : refused
    latencies.add(performance.now() - askedAt)
    return answer
  }

  #refused(attempt: Attempt, quantity: number, answer: ReserveResult): void {
    const { plan, buyer, number, pass } = attempt
    const { scheduler } = this.#context
    if (answer.status === 'limit_exceeded') {
      // No reservation was made under this key, so it can be used again.
      const rest = answer.limit - answer.taken
      if (rest > 0 && plan.settlesForLess) scheduler.after(0, () => this.#ask(attempt, rest))
    } else if (answer.status === 'sold_out') {
      if (answer.available > 0)
        scheduler.after(0, () => this.#ask(attempt, Math.min(quantity, answer.available)))
      else if (answer.mayReturn && attempt.comebacks < plan.patience) this.#comeBack(attempt)
      else if (answer.mayReturn) this.#away.push({ buyer, number })
    } else if (answer.status === 'key_spent') {
      scheduler.after(0, () => this.#attempt(buyer, number + 1, pass))
    } else if (answer.status === 'pass_rejected') {
      // The pass has expired: the buyer joins the queue again, with the same plan.
      scheduler.after(0, () => this.#visitors.arrive(buyer, number, true))
    }
  }

  #comeBack(attempt: Attempt): void {
    attempt.comebacks++
    this.#context.scheduler.after(attempt.plan.pause * this.#holdMs, () => {
      this.#expected.comebacks++
      return this.#ask(attempt, attempt.plan.quantity)
    })
  }

  #follow(attempt: Attempt, quantity: number, id: string, holdMs: number): void {
    const { fate, after } = attempt.plan
    const soon = holdMs * after
    const late = holdMs * LATE + soon / 10
    const { scheduler } = this.#context
    const then: Record<Fate, () => void> = {
      pays: () => scheduler.after(soon, () => this.#pay(attempt, quantity, id)),
      'pays late': () => scheduler.after(late, () => this.#pay(attempt, quantity, id)),
      'payment fails': () => scheduler.after(soon, () => this.#giveBack(attempt, quantity, id, 'failed')),
      'gives it back': () => scheduler.after(soon, () => this.#giveBack(attempt, quantity, id, 'released')),
      'lets it expire': () => this.#expected.dropouts.expired++,
    }
    then[fate]()
  }

  async #pay(attempt: Attempt, quantity: number, id: string): Promise<void> {
    const { buyer, number, plan } = attempt
    const report = () =>
      this.#retry(() =>
        this.#context.sale.confirm(id, { buyer: nameOf(buyer), paymentId: `payment-${buyer}-${number}` }),
      )
    const answers = await Promise.all(plan.reportedTwice ? [report(), report()] : [report()])
    this.#expected.paid(buyer, quantity, id, answers)
    const sold = answers[0]!.status === 'confirmed'
    if (sold && plan.cancels)
      this.#context.scheduler.after(plan.pause * this.#holdMs, () => this.#cancel(buyer, id))
    else if (sold ? plan.wantsMore : plan.triesAgain) this.#onceMore(attempt)
  }

  /** The returned units have to be inspected, so they leave this sale. */
  async #cancel(buyer: number, id: string): Promise<void> {
    const { status } = await this.#retry(() => this.#context.sale.refund(id, { restock: false }))
    if (status === 'refunded') this.#expected.takenBack(buyer, id)
  }

  async #giveBack(attempt: Attempt, quantity: number, id: string, why: 'released' | 'failed'): Promise<void> {
    const { buyer, plan } = attempt
    await this.#retry(() => this.#context.sale.release(id, { buyer: nameOf(buyer) }))
    this.#expected.returned(buyer, quantity, id, why)
    if (why === 'failed' && plan.triesAgain) this.#onceMore(attempt)
  }

  /** Tries again under a new key, with the pass as long as it is valid. */
  #onceMore({ buyer, number, pass, plan }: Attempt): void {
    this.#context.scheduler.after(plan.pause * this.#holdMs, () => this.#attempt(buyer, number + 1, pass))
  }

  #retry<T>(ask: () => Promise<T>): Promise<T> {
    return retry(ask, this.#context.onRetry)
  }
}
