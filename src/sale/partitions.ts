import { hash, randomFillSync } from 'node:crypto'
import type { Command, Commands, Engine, Op, Settled } from '../engine/engine.js'
import { makeId, PART_LENGTH } from '../engine/id.js'
import { Lanes, type Limits } from '../engine/lanes.js'
import { type Gate, Session } from '../engine/session.js'

/** The partitions of one sale as one handle uses them: which one an id or a buyer belongs to, and the lanes to each. */
export class Partitions {
  readonly #engine: Engine
  readonly #sale: string
  readonly #gate: Gate
  readonly #open: Lanes<Commands>[] = []

  constructor(engine: Engine, sale: string, maxInFlight: number) {
    this.#engine = engine
    this.#sale = sale
    this.#gate = { max: maxInFlight, open: 0 }
  }

  session(index: number): Session {
    return this.#at(index).session
  }

  /** Sends one item through the lane of its command. */
  ask<C extends Command, T>(
    index: number,
    command: C,
    op: Op<C>,
    limits: Limits,
    settle: (answer: Settled<C>) => T,
    weight?: number,
  ): Promise<T> {
    return this.#at(index).ask(command, op, limits, settle, weight)
  }

  /** Lanes past a freeze: what goes through them puts back what was lost. */
  recovering(index: number): Lanes<Commands> {
    const session = new Session(this.#name, this.#gate, this.#engine.timing)
    session.token = this.session(index).token
    session.recovers = true
    return new Lanes(this.#engine.partition(this.#sale, index), session)
  }

  get #name(): string {
    return `the sale ${JSON.stringify(this.#sale)}`
  }

  #at(index: number): Lanes<Commands> {
    this.#open[index] ??= new Lanes(
      this.#engine.partition(this.#sale, index),
      new Session(this.#name, this.#gate, this.#engine.timing),
    )
    return this.#open[index]
  }
}

/**
 * A new reservation's id. The buyer decides the partition, since limits are exact only where all of a buyer's reservations
 * are together. With a limit the buyer decides the bucket too; without one, each key (or request) has a bucket of its own, and
 * a buyer's thousandth reservation costs what the first did.
 *
 * Hashes are salted with the sale's random token: nobody can choose buyer names that meet in one bucket. Where two meet by
 * chance, the engine still tells them apart.
 */
export function mintId(token: string, buyer: string, key: string | null, limited: boolean): string {
  const nonce = randomNonce()
  const bucket = limited ? buyer : `${buyer}\0${key ?? nonce}`
  return makeId(0, hash('sha256', token + bucket, 'base64url').slice(0, PART_LENGTH), nonce)
}

const NONCES = 512
let nonces = ''
let used = NONCES

/** 48 random bits. Drawn many at a time: a call for each would cost more than all the rest of a reservation. */
function randomNonce(): string {
  if (used === NONCES) {
    nonces = randomFillSync(Buffer.allocUnsafe(6 * NONCES)).toString('base64url')
    used = 0
  }
  const at = used++ * PART_LENGTH
  return nonces.slice(at, at + PART_LENGTH)
}

/** A new sale's random name. */
export function newToken(): string {
  return randomFillSync(Buffer.allocUnsafe(12)).toString('base64url')
}
