import { hash, randomFillSync } from 'node:crypto'
import { BatcherSet, type CallOptions } from '../batching/batcher-set.js'
import { type InFlightLimit, Session } from '../batching/session.js'
import { groupEffects, saleEffects } from '../engine/effects.js'
import type { Command, Commands, Engine, FinalAnswer, Op, Partition } from '../engine/engine.js'
import type { GroupCommands } from '../engine/groups.js'
import { makeId, numberAt, PART_LENGTH } from '../engine/reservation-id.js'

/** What of a call goes to which partition. It has been counted as a whole, so its parts are not. */
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
}

/**
 * The partitions of one sale as one handle uses them: what it knows of each, and the lanes to it.
 */
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

  constructor(engine: Engine, sale: string, maxInFlight: number) {
    this.#engine = engine
    this.#sale = sale
    this.#inFlight = { max: maxInFlight, open: 0 }
  }

  /** How many the sale has: known with its rules. Until then only partition 0 is asked. */
  get count(): number {
    return this.#count
  }

  /**
   * Who wanted to make a sale that there is with other rules may have thought of another count:
   * partition 0 alone is the same.
   */
  set count(count: number) {
    if (count === this.#count) return
    this.#count = count
    for (const known of [this.#sessions, this.#open, this.#parts, this.#groups])
      known.length = Math.min(known.length, 1)
  }

  /** The incarnation of the sale that this handle works with; `null` until it has seen one. */
  get incarnation(): string | null {
    return this.#incarnation
  }

  set incarnation(token: string | null) {
    this.#incarnation = token
    for (const session of this.#sessions) if (session) session.incarnation = token
  }

  session(index: number): Session {
    this.#sessions[index] ??= this.#newSession(index)
    return this.#sessions[index]
  }

  /** For calls that ask one partition. */
  at(index: number): BatcherSet<Commands> {
    this.#open[index] ??= new BatcherSet(this.#port(index), saleEffects, this.session(index))
    return this.#open[index]
  }

  /** For calls that ask several partitions. */
  get parts(): Parts {
    return {
      count: this.#count,
      session: (index) => this.session(index),
      ask: (index, command, op, limits, result) => {
        this.#parts[index] ??= new BatcherSet(this.#port(index), saleEffects, this.session(index), false)
        return this.#parts[index].ask(command, op, limits, result)
      },
    }
  }

  /** Past a freeze: what goes this way puts back what was lost. */
  recovering(): Parts {
    const lanes: BatcherSet<Commands>[] = []
    const open = (index: number): BatcherSet<Commands> => {
      const session = this.#newSession(index)
      session.bypassFreeze = true
      return new BatcherSet(this.#port(index), saleEffects, session, false)
    }
    const at = (index: number): BatcherSet<Commands> => {
      lanes[index] ??= open(index)
      return lanes[index]
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

  /** Counts a call in that is to ask several partitions. @throws OVERLOADED */
  acquire(): void {
    const overload = this.session(0).enter()
    if (overload) throw overload
  }

  /** Counts in a call that was counted before and goes on, so there is room for it. */
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
    const session = new Session(name, this.#inFlight, this.#engine.clock)
    session.incarnation = this.#incarnation
    return session
  }
}

/**
 * The partition in which a buyer has all reservations, since limits are exact only where these are
 * together. It is decided by other bits of the hash than the bucket.
 */
export function partitionForBuyer(incarnation: string, buyer: string, partitions: number): number {
  return partitions === 1 ? 0 : partitionAmong(hash('sha256', incarnation + buyer, 'base64url'), partitions)
}

function partitionAmong(digest: string, partitions: number): number {
  return numberAt(digest, PART_LENGTH) % partitions
}

/**
 * A new reservation's id. The buyer decides the partition and the bucket, with limits and without:
 * all that one buyer has is found from the buyer alone. How much that is, no request need care: a
 * bucket has a bound.
 *
 * Hashes are salted with the sale's random token: nobody can choose buyer names that meet in one
 * bucket. Where two meet by chance, the engine still tells them apart.
 */
export function mintId(incarnation: string, buyer: string, partitions: number): string {
  const digest = hash('sha256', incarnation + buyer, 'base64url')
  const home = partitions === 1 ? 0 : partitionAmong(digest, partitions)
  return makeId(home, digest.slice(0, PART_LENGTH), randomDigits())
}

const tuning = {
  drawn: 512,
}
let drawn = ''
let used = tuning.drawn

/**
 * Eight digits, 48 random bits. Drawn many at a time: a call for each would cost more than all the
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

/** A new sale's random name. */
export function newIncarnation(): string {
  return randomFillSync(Buffer.allocUnsafe(12)).toString('base64url')
}
