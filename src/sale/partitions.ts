import { hash, randomFillSync } from 'node:crypto'
import { BatcherSet, type CallOptions } from '../batching/batcher-set.js'
import type { Doubt, Gone } from '../batching/rollback-detection.js'
import { type InFlightLimit, Session } from '../batching/session.js'
import { groupEffects, saleEffects } from '../engine/effects.js'
import type { Command, Commands, Engine, FinalAnswer, Moved, Op, Partition } from '../engine/engine.js'
import type { GroupCommands } from '../engine/groups.js'
import { makeId, numberAt, PART_LENGTH } from '../engine/reservation-id.js'
import type { StockholdError } from '../errors.js'

/**
 * The commands of one call to several partitions. The call is counted once, so these commands are
 * not counted.
 */
export interface Parts {
  readonly count: number
  session(index: number): Session
  ask<C extends Command, T>(
    index: number,
    command: C,
    op: Op<C>,
    limits: CallOptions,
    result: (answer: FinalAnswer<C>) => T,
  ): Promise<T>
  /** Called with each record that was found to have gone to another buyer for certain. */
  readonly onMoved?: ((moved: Moved) => void) | undefined
}

/** The partitions of one sale in one handle: a session and the batchers for each. */
export class Partitions {
  readonly #engine: Engine
  readonly #sale: string
  readonly #inFlight: InFlightLimit
  readonly #sessions: Session[] = []
  readonly #open: BatcherSet<Commands>[] = []
  readonly #parts: BatcherSet<Commands>[] = []
  readonly #groups: BatcherSet<GroupCommands>[] = []
  #count = 1
  #incarnation: string | null = null
  /** Called with each reply of a partition that has the revision of its rules. */
  onRevision: ((partition: number) => void) | undefined
  onMoved: Parts['onMoved']
  /** Called when a partition is not there as this handle knows it: see `explain` of a session. */
  onGone: ((outcome: Gone, partition: number) => Promise<'again' | StockholdError> | undefined) | undefined
  /** Called with the first events of each partition but the first: see `doubt` of its history. */
  onFirstEvents: ((partition: number) => Promise<Doubt>) | undefined

  constructor(engine: Engine, sale: string, maxInFlight: number) {
    this.#engine = engine
    this.#sale = sale
    this.#inFlight = { max: maxInFlight, open: 0 }
  }

  /**
   * How many partitions the sale has. Until the rules are known, the handle asks only partition 0.
   */
  get count(): number {
    return this.#count
  }

  /**
   * A `create` that found a sale with other rules may have set another count. Only partition 0 is
   * the same under both counts.
   */
  set count(count: number) {
    if (count === this.#count) return
    this.#count = count
    for (const known of [this.#sessions, this.#open, this.#parts, this.#groups])
      known.length = Math.min(known.length, 1)
  }

  /**
   * The incarnation of the sale that this handle works with; `null` until the handle has seen one.
   */
  get incarnation(): string | null {
    return this.#incarnation
  }

  set incarnation(token: string | null) {
    this.#incarnation = token
    for (const session of this.#sessions) if (session) session.history.incarnation = token
  }

  session(index: number): Session {
    const known = this.#sessions[index]
    if (known) return known
    const session = this.#newSession(index)
    session.history.onRevision = () => this.onRevision?.(index)
    if (index > 0) session.history.doubt = this.onFirstEvents && (() => this.onFirstEvents!(index))
    this.#sessions[index] = session
    return session
  }

  /** The partitions that have answered, with the latest revision of their rules. */
  get revisions(): readonly (readonly [partition: number, revision: number])[] {
    return [...this.#sessions.entries()].flatMap(([index, session]) =>
      session?.history.lastSeen ? [[index, session.history.revision] as const] : [],
    )
  }

  /** How many events the partitions have had together, as far as they have answered. */
  get events(): number {
    let events = 0
    for (const session of this.#sessions) events += session?.history.sequence ?? 0
    return events
  }

  /** For calls to one partition. */
  at(index: number): BatcherSet<Commands> {
    this.#open[index] ??= new BatcherSet(this.#port(index), saleEffects, this.session(index))
    return this.#open[index]
  }

  /** For calls to several partitions. */
  get parts(): Parts {
    return {
      count: this.#count,
      session: (index) => this.session(index),
      ask: (index, command, op, limits, result) => {
        this.#parts[index] ??= new BatcherSet(this.#port(index), saleEffects, this.session(index), false)
        return this.#parts[index].ask(command, op, limits, result)
      },
      onMoved: this.onMoved,
    }
  }

  /** Bypasses the freeze: for the commands of a recovery. */
  recovering(): Parts {
    const batchers: BatcherSet<Commands>[] = []
    const open = (index: number): BatcherSet<Commands> => {
      const session = this.#newSession(index)
      session.bypassFreeze = true
      return new BatcherSet(this.#port(index), saleEffects, session, false)
    }
    const at = (index: number): BatcherSet<Commands> => {
      batchers[index] ??= open(index)
      return batchers[index]
    }
    return {
      count: this.#count,
      session: (index) => at(index).session,
      ask: (index, command, op, limits, result) => at(index).ask(command, op, limits, result),
    }
  }

  /** For the consumers of the partition's events. */
  groups(index: number): BatcherSet<GroupCommands> {
    this.#groups[index] ??= new BatcherSet(
      this.#engine.groups(this.#sale, index, this.#count),
      groupEffects,
      this.session(index),
    )
    return this.#groups[index]
  }

  /** Counts a call to several partitions as open. @throws OVERLOADED */
  acquire(): void {
    const overload = this.session(0).enter()
    if (overload) throw overload
  }

  /**
   * Counts a call as open without checking the limit: the call was counted before and continues.
   */
  acquireUnchecked(): void {
    this.#inFlight.open++
  }

  release(): void {
    this.#inFlight.open--
  }

  #port(index: number): Partition {
    return this.#engine.partition(this.#sale, index, this.#count)
  }

  #newSession(index: number): Session {
    const sale = `the sale ${JSON.stringify(this.#sale)}`
    const name = this.#count === 1 ? sale : `partition ${index} of ${sale}`
    const place = { sale: this.#sale, room: null, partition: index }
    const session = new Session(name, this.#inFlight, this.#engine.clock, place)
    session.history.incarnation = this.#incarnation
    session.explain = (outcome) => this.onGone?.(outcome, index)
    return session
  }
}

/**
 * The partition where the units of the sale change: stock counts, restocks and moves. It keeps what
 * is owed, so units that a debt has a claim to are not taken out of the sale by another change.
 */
export const STOCK_PARTITION = 0

/**
 * The partition that holds all reservations of a buyer; with a `household`, those of all its
 * buyers. Limits are exact only if one partition holds them all. Different bits of the hash select
 * the partition and the bucket.
 */
export function partitionForBuyer(
  incarnation: string,
  buyer: string,
  partitions: number,
  household?: string,
): number {
  return partitions === 1 ? 0 : partitionAmong(digestOf(incarnation, buyer, household), partitions)
}

/** The digest that decides where a buyer's reservations are. */
function digestOf(incarnation: string, buyer: string, household: string | undefined): string {
  const name = household === undefined ? buyer : `/household/${household}`
  return hash('sha256', incarnation + name, 'base64url')
}

function partitionAmong(digest: string, partitions: number): number {
  return numberAt(digest, PART_LENGTH) % partitions
}

/**
 * Makes a new reservation's id. The buyer determines the partition and the bucket, with and without
 * limits, so all reservations of a buyer are found by the buyer's id alone. A bucket is bounded, so
 * a request need not limit their number.
 *
 * In a sale with households the household determines them, so that one script counts the units of
 * all its buyers. Which household that is, the buyer's own partition knows: see `household.ts`.
 *
 * Hashes are salted with the sale's random incarnation, so an attacker cannot choose buyer ids that
 * share a bucket. If two buyers share one by chance, the engine still distinguishes them.
 */
export function mintId(incarnation: string, buyer: string, partitions: number, household?: string): string {
  const digest = digestOf(incarnation, buyer, household)
  const partition = partitions === 1 ? 0 : partitionAmong(digest, partitions)
  return makeId(partition, digest.slice(0, PART_LENGTH), randomDigits())
}

const tuning = {
  drawn: 512,
}
let drawn = ''
let used = tuning.drawn

/**
 * Eight digits, 48 random bits. Many are drawn at a time: a call for each would cost more than the
 * rest of a reservation.
 */
function randomDigits(): string {
  if (used === tuning.drawn) {
    drawn = randomFillSync(Buffer.allocUnsafe(6 * tuning.drawn)).toString('base64url')
    used = 0
  }
  const at = used++ * PART_LENGTH
  return drawn.slice(at, at + PART_LENGTH)
}

/** The random incarnation of a new sale. */
export function newIncarnation(): string {
  return randomFillSync(Buffer.allocUnsafe(12)).toString('base64url')
}
