import { hash, randomFillSync } from 'node:crypto'
import { Lanes, type Limits } from '../batching/batcher-set.js'
import { type Gate, Session } from '../batching/session.js'
import type { Command, Commands, Engine, Op, Partition, Settled } from '../engine/engine.js'
import type { HandoffCommand, HandoffCommands, HandoffOp, HandoffSettled } from '../engine/groups.js'
import { makeId, numberAt, PART_LENGTH } from '../engine/reservation-id.js'

/** What of a call goes to which partition. It has been counted as a whole, so its parts are not. */
export interface Parts {
  readonly count: number
  session(index: number): Session
  ask<C extends Command, T>(
    index: number,
    command: C,
    op: Op<C>,
    limits: Limits,
    result: (answer: Settled<C>) => T,
  ): Promise<T>
}

/** The partitions of one sale as one handle uses them: what it knows of each, and the lanes to it. */
export class Partitions {
  readonly #engine: Engine
  readonly #sale: string
  readonly #gate: Gate
  readonly #sessions: Session[] = []
  readonly #open: Lanes<Commands>[] = []
  readonly #parts: Lanes<Commands>[] = []
  readonly #handoffs: Lanes<HandoffCommands>[] = []
  #count = 1
  #token: string | null = null

  constructor(engine: Engine, sale: string, maxInFlight: number) {
    this.#engine = engine
    this.#sale = sale
    this.#gate = { max: maxInFlight, open: 0 }
  }

  /** How many the sale has: known with its rules. Until then only partition 0 is asked. */
  get count(): number {
    return this.#count
  }

  /** Who wanted to make a sale that there is with other rules may have thought of another count: partition 0 alone is the same. */
  set count(count: number) {
    if (count === this.#count) return
    this.#count = count
    for (const known of [this.#sessions, this.#open, this.#parts, this.#handoffs])
      known.length = Math.min(known.length, 1)
  }

  /** The incarnation of the sale that this handle works with; `null` until it has seen one. */
  get token(): string | null {
    return this.#token
  }

  set token(token: string | null) {
    this.#token = token
    for (const session of this.#sessions) if (session) session.token = token
  }

  session(index: number): Session {
    this.#sessions[index] ??= this.#newSession(index)
    return this.#sessions[index]
  }

  /** Sends one item through the lane of its command, as a call of its own. */
  ask<C extends Command, T>(
    index: number,
    command: C,
    op: Op<C>,
    limits: Limits,
    settle: (answer: Settled<C>) => T,
  ): Promise<T> {
    this.#open[index] ??= new Lanes(this.#port(index), this.session(index))
    return this.#open[index].ask(command, op, limits, settle)
  }

  /** For calls that ask several partitions. */
  get parts(): Parts {
    return {
      count: this.#count,
      session: (index) => this.session(index),
      ask: (index, command, op, limits, result) => {
        this.#parts[index] ??= new Lanes(this.#port(index), this.session(index), false)
        return this.#parts[index].ask(command, op, limits, result)
      },
    }
  }

  /** Past a freeze: what goes this way puts back what was lost. */
  recovering(): Parts {
    const lanes: Lanes<Commands>[] = []
    const open = (index: number): Lanes<Commands> => {
      const session = this.#newSession(index)
      session.recovers = true
      return new Lanes(this.#port(index), session, false)
    }
    const at = (index: number): Lanes<Commands> => {
      lanes[index] ??= open(index)
      return lanes[index]
    }
    return {
      count: this.#count,
      session: (index) => at(index).session,
      ask: (index, command, op, limits, result) => at(index).ask(command, op, limits, result),
    }
  }

  /** As `ask`, for those who follow the partition's events. */
  askHandoff<C extends HandoffCommand, T>(
    index: number,
    command: C,
    op: HandoffOp<C>,
    limits: Limits,
    settle: (answer: HandoffSettled<C>) => T,
  ): Promise<T> {
    this.#handoffs[index] ??= new Lanes(
      this.#engine.handoff(this.#sale, index, this.#count),
      this.session(index),
    )
    return this.#handoffs[index].ask(command, op, limits, settle)
  }

  /** Counts a call in that is to ask several partitions. @throws OVERLOADED */
  enter(): void {
    const overload = this.session(0).enter()
    if (overload) throw overload
  }

  /** Counts in a call that was counted before and goes on, so there is room for it. */
  reenter(): void {
    this.#gate.open++
  }

  leave(): void {
    this.#gate.open--
  }

  #port(index: number): Partition {
    return this.#engine.partition(this.#sale, index, this.#count)
  }

  #newSession(index: number): Session {
    const sale = `the sale ${JSON.stringify(this.#sale)}`
    const name = this.#count === 1 ? sale : `partition ${index} of ${sale}`
    const session = new Session(name, this.#gate, this.#engine.timing)
    session.token = this.#token
    return session
  }
}

/**
 * The partition in which a buyer has all reservations, since limits are exact only where these are together. It is decided by other bits of
 * the hash than the bucket.
 */
export function homeOf(token: string, buyer: string, partitions: number): number {
  return partitions === 1 ? 0 : homeIn(hash('sha256', token + buyer, 'base64url'), partitions)
}

function homeIn(digest: string, partitions: number): number {
  return numberAt(digest, PART_LENGTH) % partitions
}

/**
 * A new reservation's id. The buyer decides the partition and the bucket, with limits and without: all that one buyer has is found from
 * the buyer alone. How much that is, no request need care: a bucket has a bound.
 *
 * Hashes are salted with the sale's random token: nobody can choose buyer names that meet in one bucket. Where two meet by
 * chance, the engine still tells them apart.
 */
export function mintId(token: string, buyer: string, partitions: number): string {
  const digest = hash('sha256', token + buyer, 'base64url')
  const home = partitions === 1 ? 0 : homeIn(digest, partitions)
  return makeId(home, digest.slice(0, PART_LENGTH), randomDigits())
}

const tuning = {
  drawn: 512,
}
let drawn = ''
let used = tuning.drawn

/** Eight digits, 48 random bits. Drawn many at a time: a call for each would cost more than all the rest of a reservation. */
function randomDigits(): string {
  if (used === tuning.drawn) {
    drawn = randomFillSync(Buffer.allocUnsafe(6 * tuning.drawn)).toString('base64url')
    used = 0
  }
  const at = used++ * PART_LENGTH
  return drawn.slice(at, at + PART_LENGTH)
}

/** A new sale's random name. */
export function newToken(): string {
  return randomFillSync(Buffer.allocUnsafe(12)).toString('base64url')
}
