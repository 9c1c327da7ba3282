import {
  type FlashSale,
  type PollResult,
  type ReserveResult,
  StockholdError,
  type WaitingRoom,
} from '../../../src/index.js'
import { joined } from '../../lib/joined.js'
import { RETRY_LIMIT_MS, retry } from '../../lib/retry.js'
import type { BuyerScheduler, Poller } from './buyer-scheduler.js'
import type { ExpectedAdmissions } from './expected-admissions.js'
import type { Samples } from './samples.js'
import {
  type Cheat,
  followedVisitor,
  returningVisitor,
  type VisitorPlan,
  visitorPlanOf,
} from './visitor-plan.js'

/**
 * The longest pause between two polls, whatever the room says: hours of a real launch are seconds
 * here.
 */
const LONGEST_MS = 4_000
/** Between polls while the server is away. */
const AWAY_MS = 500

/**
 * A visitor of the waiting room. There are hundreds of thousands, so they are small, and a poll
 * allocates little.
 */
class Visitor implements Poller {
  polls = 0
  /** Since when the server is away, as far as this visitor knows. */
  awaySince: number | undefined

  /** @param attempt Which attempt to buy this one is. */
  constructor(
    readonly visitors: Visitors,
    readonly buyer: number,
    readonly attempt: number,
    readonly ticket: string,
    readonly plan: VisitorPlan,
  ) {}

  poll(): Promise<void> {
    return this.visitors.poll(this)
  }
}

export interface LaunchContext {
  readonly sale: FlashSale
  readonly room: WaitingRoom
  readonly scheduler: BuyerScheduler
  readonly expected: ExpectedAdmissions
  readonly samples: Samples
  readonly seed: number
  readonly sku: string
  /** See the options of the launch. */
  readonly stretch: number
  onRetry(): void
}

/** Takes the buyers through the waiting room; a buyer with a pass goes on to buy. */
export class Visitors {
  readonly #context: LaunchContext
  readonly #enter: (buyer: number, attempt: number, pass: string) => Promise<void>
  /** The latest pass of any buyer, for buyers who try to use it. */
  #lent: { readonly buyer: number; readonly pass: string } | undefined

  constructor(
    context: LaunchContext,
    enter: (buyer: number, attempt: number, pass: string) => Promise<void>,
  ) {
    this.#context = context
    this.#enter = enter
  }

  /** A buyer joins the room, for the first time or again. */
  async arrive(buyer: number, attempt: number, again: boolean): Promise<void> {
    const { room, scheduler, expected, samples, seed } = this.#context
    const { ticket, pollAfterMs } = await this.#retry(() => joined(room.join(nameOf(buyer))))
    expected.joined(buyer)
    const plan = again ? returningVisitor : samples.has(buyer) ? followedVisitor : visitorPlanOf(seed, buyer)
    const visitor = new Visitor(this, buyer, attempt, ticket, plan)
    if (!this.#waitsOn(visitor)) return
    if (plan.watches) scheduler.pollAfter(0, { poll: () => this.#watch(visitor) })
    else this.#pollAgain(visitor, pollAfterMs)
  }

  #pollAgain(visitor: Visitor, ms: number): void {
    // Spread out, so that visitors far behind do not all poll at once.
    const longest = LONGEST_MS * this.#context.stretch
    const wait = ms < longest ? ms : longest * (0.6 + 0.4 * Math.random())
    this.#context.scheduler.pollAfter(wait, visitor)
  }

  async poll(visitor: Visitor): Promise<void> {
    try {
      const answer = await this.#context.room.poll(visitor.ticket)
      visitor.awaySince = undefined
      if (this.#told(visitor, answer) && answer.status === 'waiting')
        this.#pollAgain(visitor, answer.pollAfterMs)
    } catch (error) {
      this.#missed(visitor, error)
    }
  }

  /** As {@link retry}, without a timer for each of a hundred thousand visitors. */
  #missed(visitor: Visitor, error: unknown): void {
    const now = performance.now()
    visitor.awaySince ??= now
    const isAway = error instanceof StockholdError && error.retryable
    if (!isAway || now - visitor.awaySince > RETRY_LIMIT_MS) throw error
    this.#context.onRetry()
    this.#pollAgain(visitor, AWAY_MS)
  }

  async #watch(visitor: Visitor): Promise<void> {
    try {
      for await (const update of this.#context.room.updates(visitor.ticket)) {
        if (!this.#told(visitor, update)) break
      }
    } catch (error) {
      // The stream has ended, as on the way to a browser: the visitor polls from here on.
      this.#missed(visitor, error)
    }
  }

  /** Answers whether the visitor goes on waiting. */
  #told(visitor: Visitor, answer: PollResult): boolean {
    const { scheduler, expected, samples } = this.#context
    const { buyer, attempt } = visitor
    expected.polls++
    samples.told(buyer, answer)
    if (answer.status === 'waiting') {
      visitor.polls++
      return this.#waitsOn(visitor)
    }
    if (answer.status === 'closed') {
      expected.closed(buyer)
    } else {
      const { pass, expiresAt } = answer
      expected.entered(buyer, expiresAt)
      this.#lent = { buyer, pass }
      scheduler.after(0, () => this.#enter(buyer, attempt, pass))
    }
    return false
  }

  /** Does what the visitor plans to do after this number of polls. */
  #waitsOn(visitor: Visitor): boolean {
    const { scheduler, expected } = this.#context
    const { kind, polls, cheat } = visitor.plan
    if (polls !== visitor.polls) return true
    if (cheat !== undefined) scheduler.after(0, () => this.#cheat(visitor.buyer, cheat))
    if (kind === 'waits') return true
    if (kind === 'leaves') scheduler.after(0, () => this.#leave(visitor))
    else expected.vanished++
    return false
  }

  async #leave({ ticket }: Visitor): Promise<void> {
    const { room, expected } = this.#context
    await this.#retry(() => room.leave(ticket))
    expected.left++
  }

  async #cheat(buyer: number, cheat: Cheat): Promise<void> {
    const { sale, expected, sku } = this.#context
    const pass = this.#passFor(buyer, cheat)
    const request = { buyer: nameOf(buyer), items: [{ sku, quantity: 1 }], key: 'without-a-pass' }
    const ask = () => sale.reserve(pass === undefined ? request : { ...request, pass })
    expected.cheated(await this.#retry<ReserveResult>(ask))
  }

  #passFor(buyer: number, cheat: Cheat): string | undefined {
    if (cheat === 'without a pass') return undefined
    // Before the first pass is given there is none to borrow or to copy.
    const lent = this.#lent?.buyer === buyer ? undefined : this.#lent?.pass
    if (lent === undefined) return 'let-me-in'
    return cheat === 'with a forged pass' ? forgedFor(nameOf(buyer), lent) : lent
  }

  #retry<T>(ask: () => Promise<T>): Promise<T> {
    return retry(ask, this.#context.onRetry)
  }
}

export function nameOf(buyer: number): string {
  return `buyer-${buyer}`
}

/** A real pass with another buyer in it, and the old signature. */
export function forgedFor(buyer: string, pass: string): string {
  const [header, claims, signature] = pass.split('.')
  const told = JSON.parse(Buffer.from(claims!, 'base64url').toString())
  const changed = Buffer.from(JSON.stringify({ ...told, sub: buyer })).toString('base64url')
  return [header, changed, signature].join('.')
}
