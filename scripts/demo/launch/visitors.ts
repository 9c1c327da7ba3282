import {
  type FlashSale,
  type PollResult,
  type ReserveResult,
  StockholdError,
  type WaitingRoom,
} from '../../../src/index.js'
import { PATIENCE_MS, patiently } from '../../lib/retry.js'
import type { Crowd, Watcher } from './crowd.js'
import type { DoorLedger } from './door-ledger.js'
import type { Samples } from './samples.js'
import { type Cheat, comesAgain, isFollowed, type Stay, stayOf } from './stay.js'

/** What takes hours in a real launch takes seconds here: nobody stays away for longer than this, whatever the room tells them. */
const LONGEST_MS = 4_000
/** Between looks while the server is away. */
const AWAY_MS = 500

/** Somebody in the waiting room. There are hundreds of thousands, so they are small and make nothing new to look again. */
class Visitor implements Watcher {
  looks = 0
  /** Since when the server is away, as far as this visitor knows. */
  awaySince: number | undefined

  /** @param attempt Which attempt to buy this one is. */
  constructor(
    readonly visitors: Visitors,
    readonly buyer: number,
    readonly attempt: number,
    readonly ticket: string,
    readonly stay: Stay,
  ) {}

  look(): Promise<void> {
    return this.visitors.look(this)
  }
}

export interface Around {
  readonly sale: FlashSale
  readonly room: WaitingRoom
  readonly crowd: Crowd
  readonly ledger: DoorLedger
  readonly samples: Samples
  readonly seed: number
  readonly sku: string
  /** See the options of the launch. */
  readonly stretch: number
  onRetry(): void
}

/** The way of the buyers through the waiting room: who has a pass goes on to buy. */
export class Visitors {
  readonly #around: Around
  readonly #enter: (buyer: number, attempt: number, pass: string) => Promise<void>
  /** The latest pass of anybody, for those who would use it. */
  #lent: { readonly buyer: number; readonly pass: string } | undefined

  constructor(around: Around, enter: (buyer: number, attempt: number, pass: string) => Promise<void>) {
    this.#around = around
    this.#enter = enter
  }

  /** A buyer comes to the room, for the first time or again. */
  async arrive(buyer: number, attempt: number, again: boolean): Promise<void> {
    const { room, crowd, ledger, samples, seed } = this.#around
    const { ticket, pollAfterMs } = await this.#patiently(() => room.join(nameOf(buyer)))
    ledger.joined(buyer)
    const stay = again ? comesAgain : samples.has(buyer) ? isFollowed : stayOf(seed, buyer)
    const visitor = new Visitor(this, buyer, attempt, ticket, stay)
    if (!this.#waitsOn(visitor)) return
    if (stay.watches) crowd.lookAfter(0, { look: () => this.#watch(visitor) })
    else this.#lookAgain(visitor, pollAfterMs)
  }

  #lookAgain(visitor: Visitor, ms: number): void {
    // Those who would have been told to stay away for longer do not all come at once.
    const longest = LONGEST_MS * this.#around.stretch
    const wait = ms < longest ? ms : longest * (0.6 + 0.4 * Math.random())
    this.#around.crowd.lookAfter(wait, visitor)
  }

  async look(visitor: Visitor): Promise<void> {
    try {
      const answer = await this.#around.room.poll(visitor.ticket)
      visitor.awaySince = undefined
      if (this.#told(visitor, answer) && answer.status === 'waiting')
        this.#lookAgain(visitor, answer.pollAfterMs)
    } catch (error) {
      this.#missed(visitor, error)
    }
  }

  /** As {@link patiently}, without a timer for each of a hundred thousand visitors. */
  #missed(visitor: Visitor, error: unknown): void {
    const now = performance.now()
    visitor.awaySince ??= now
    const isAway = error instanceof StockholdError && error.retryable
    if (!isAway || now - visitor.awaySince > PATIENCE_MS) throw error
    this.#around.onRetry()
    this.#lookAgain(visitor, AWAY_MS)
  }

  async #watch(visitor: Visitor): Promise<void> {
    try {
      for await (const update of this.#around.room.updates(visitor.ticket)) {
        if (!this.#told(visitor, update)) break
      }
    } catch (error) {
      // The stream is broken, as it may be on the way to a browser: it looks by itself from here on.
      this.#missed(visitor, error)
    }
  }

  /** Whether the visitor waits on. */
  #told(visitor: Visitor, answer: PollResult): boolean {
    const { crowd, ledger, samples } = this.#around
    const { buyer, attempt } = visitor
    ledger.looks++
    samples.told(buyer, answer)
    if (answer.status === 'waiting') {
      visitor.looks++
      return this.#waitsOn(visitor)
    }
    if (answer.status === 'closed') {
      ledger.closed(buyer)
    } else {
      const { pass, expiresAt } = answer
      ledger.entered(buyer, expiresAt)
      this.#lent = { buyer, pass }
      crowd.after(0, () => this.#enter(buyer, attempt, pass))
    }
    return false
  }

  /** Does what the visitor means to do by now. */
  #waitsOn(visitor: Visitor): boolean {
    const { crowd, ledger } = this.#around
    const { kind, looks, cheat } = visitor.stay
    if (looks !== visitor.looks) return true
    if (cheat !== undefined) crowd.after(0, () => this.#cheat(visitor.buyer, cheat))
    if (kind === 'waits') return true
    if (kind === 'leaves') crowd.after(0, () => this.#leave(visitor))
    else ledger.vanished++
    return false
  }

  async #leave({ ticket }: Visitor): Promise<void> {
    const { room, ledger } = this.#around
    await this.#patiently(() => room.leave(ticket))
    ledger.left++
  }

  async #cheat(buyer: number, cheat: Cheat): Promise<void> {
    const { sale, ledger, sku } = this.#around
    const pass = this.#passFor(buyer, cheat)
    const request = { buyer: nameOf(buyer), items: [{ sku, quantity: 1 }], key: 'without-a-pass' }
    const ask = () => sale.reserve(pass === undefined ? request : { ...request, pass })
    ledger.cheated(await this.#patiently<ReserveResult>(ask))
  }

  #passFor(buyer: number, cheat: Cheat): string | undefined {
    if (cheat === 'without a pass') return undefined
    // Before the first pass was given there is none to be lent, nor to be copied.
    const lent = this.#lent?.buyer === buyer ? undefined : this.#lent?.pass
    if (lent === undefined) return 'let-me-in'
    return cheat === 'with a pass made up' ? forgedFor(nameOf(buyer), lent) : lent
  }

  #patiently<T>(ask: () => Promise<T>): Promise<T> {
    return patiently(ask, this.#around.onRetry)
  }
}

export function nameOf(buyer: number): string {
  return `buyer-${buyer}`
}

/** A real pass with another name written into it, and the signature it had. */
export function forgedFor(buyer: string, pass: string): string {
  const [header, claims, signature] = pass.split('.')
  const told = JSON.parse(Buffer.from(claims!, 'base64url').toString())
  const changed = Buffer.from(JSON.stringify({ ...told, sub: buyer })).toString('base64url')
  return [header, changed, signature].join('.')
}
