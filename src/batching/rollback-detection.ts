import type { LogOffset, Reply } from '../engine/port.js'
import { StockholdError } from '../errors.js'

/** A sale or room is not there as a handle knows it. */
export type Gone = 'missing' | 'lost' | 'rolled_back'

/** Whether replies with events count: `unknown`: nothing was there to ask. An error: why not. */
export type Doubt = 'live' | 'unknown' | StockholdError

/**
 * The history of one port, as far as a handle has seen it. Each call tells it, and the server
 * refuses a call that has seen more than the server has: it has lost acknowledged history.
 */
export class SeenHistory {
  readonly #name: string
  #incarnation: string | null = null
  /** Of which incarnation `sequence`, `lastSeen` and `revision` tell. */
  #seen: string | null = null
  /** The sequence number in the latest reply. */
  sequence = 0
  /** The furthest point of the history that was seen. */
  lastSeen: LogOffset | null = null
  /** The revision of the rules in the latest reply that had one. */
  revision = 0
  /** Called with each reply that has a revision. */
  onRevision: (() => void) | undefined
  /** Called whenever `sequence` has grown. */
  readonly onChange = new Set<() => void>()
  /**
   * Asks whether replies with events count, if the handle has not seen their history begin: it may
   * be of an incarnation that was removed.
   */
  doubt: (() => Promise<Doubt>) | undefined
  #doubting: Promise<StockholdError | undefined> | undefined
  #latestDoubt: Doubt | undefined

  /** @param name The sale or room, for messages: `the sale "spring"`. */
  constructor(name: string) {
    this.#name = name
  }

  /** The incarnation this handle works with; `null` until it has seen the sale. */
  get incarnation(): string | null {
    return this.#incarnation
  }

  set incarnation(incarnation: string | null) {
    this.#incarnation = incarnation
    if (incarnation !== null) this.#see(incarnation)
  }

  /** What was seen of another incarnation says nothing of this one. */
  #see(incarnation: string): void {
    if (this.#seen !== null && this.#seen !== incarnation) {
      this.sequence = 0
      this.lastSeen = null
      this.revision = 0
      this.#doubting = undefined
      this.#latestDoubt = undefined
    }
    this.#seen = incarnation
  }

  /** @param sentTo The incarnation that the call named. */
  record(reply: Extract<Reply<unknown>, { outcome: 'done' }>, sentTo: string | null): void {
    const replier = sentTo ?? nameIn(reply.answers)
    if (replier !== undefined) {
      // The handle has found another one since the call was sent.
      if (this.#incarnation !== null && this.#incarnation !== replier) return
      this.#see(replier)
    }
    // The generation after a recovery may begin before the last point seen of the previous one.
    const isNewGeneration =
      reply.offset && this.lastSeen && reply.offset.generation > this.lastSeen.generation
    if (reply.offset) this.advanceTo(reply.offset)
    if (reply.revision !== undefined) {
      this.revision = reply.revision
      this.onRevision?.()
    }
    if (!isNewGeneration && reply.sequence <= this.sequence) return
    this.sequence = reply.sequence
    for (const listener of this.onChange) listener()
  }

  /**
   * Why the reply that was recorded last does not count, see {@link doubt}. Once that was unknown,
   * replies wait for it no more, but it is asked again beside them.
   */
  disbelief(): Promise<StockholdError | undefined> | undefined {
    const latest = this.#latestDoubt
    const hasEvents = this.lastSeen !== null && this.lastSeen.sequence > 0 && this.#incarnation !== null
    if (latest === 'live' || !this.doubt || !hasEvents) return undefined
    this.#doubting ??= this.#ask(this.doubt)
    return latest === 'unknown' ? undefined : this.#doubting
  }

  async #ask(doubt: () => Promise<Doubt>): Promise<StockholdError | undefined> {
    const seen = this.#seen
    const found = await doubt()
    if (seen === this.#seen) {
      this.#latestDoubt = found
      this.#doubting = undefined
    }
    return typeof found === 'string' ? undefined : found
  }

  /** Notes that this point of the history was seen. */
  advanceTo(offset: LogOffset): void {
    if (isAfter(offset, this.lastSeen)) this.lastSeen = offset
  }

  /** The point that a call tells. Any incarnation may answer a call that names none. */
  get told(): LogOffset | null {
    return this.#incarnation === null ? null : this.lastSeen
  }

  error(outcome: Gone): StockholdError {
    if (outcome === 'rolled_back') {
      return new StockholdError(
        'ROLLBACK_DETECTED',
        `${this.#name} has come back with an older state than it acknowledged: it is frozen until it is recovered`,
      )
    }
    if (outcome === 'missing' && this.#incarnation === null) {
      return new StockholdError('NOT_FOUND', `${this.#name} does not exist: create it first`)
    }
    return new StockholdError(
      'STATE_LOST',
      `${this.#name} has lost its state in Redis: nothing is sold until it is recovered`,
    )
  }
}

/** Which incarnation has answered a call that named none: such calls are answered with it. */
function nameIn([answer]: readonly unknown[]): string | undefined {
  return (answer as { readonly incarnation?: string } | undefined)?.incarnation
}

function isAfter(offset: LogOffset, known: LogOffset | null): boolean {
  if (known === null || offset.generation > known.generation) return true
  return offset.generation === known.generation && offset.sequence >= known.sequence
}
