import { performance } from 'node:perf_hooks'
import { joined } from '../../scripts/lib/joined.js'
import { Invariants } from '../../scripts/lib/load/invariants.js'
import { buyerName } from '../../scripts/lib/load/sale.js'
import type { Reading, ServerMeter } from '../../scripts/lib/load/server-meter.js'
import type { Progress } from '../../scripts/lib/terminal/progress-line.js'
import { type Engine, WaitingRoom } from '../../src/index.js'

const SECRET = 'a secret for the bench, of 32 bytes or more'
/** No pass expires while the part runs. */
export const PASS_MS = 3_600_000
/**
 * One visitor in this number leaves before the room opens: every real queue has places that were
 * given up.
 */
const LEAVING = 101
/** Joins sent at once, as many as reservations in the part `memory`. */
const WAVE = 1_000
const STEPS = 10
/** How many times as long the visitors may take to join as is expected. */
export const JOIN_SLACK = 2
/**
 * Until the room opens a position is the rank itself, and everything else is checked by that. If it
 * opens while visitors still join, they join a new room, since it is known then how long they take.
 */
export const ATTEMPTS = 4
export const TOO_BUSY = `The machine was too busy: visitors still joined at the opening, in each of ${ATTEMPTS} rooms.`

export const hasLeft = (n: number) => (n + 1) % LEAVING === 0

/** How many of the visitors before this one have left. */
const leftBefore = (n: number) => Math.floor(n / LEAVING)

/** The deadline is far away, since a slow answer is a figure here, not a fault. */
export function openRoom(engine: Engine, id: string, pace: { rate: number; burst: number }): WaitingRoom {
  return new WaitingRoom(id, {
    engine,
    secret: SECRET,
    ratePerSecond: pace.rate,
    burst: pace.burst,
    passMs: PASS_MS,
    deadlineMs: 60_000,
    maxInFlight: 10_000_000,
  })
}

/** What the room takes at a size, and what the latest joins took. */
export interface Growth {
  readonly waiting: number
  /** Bytes of each visitor who waits. */
  readonly bytes: number
  readonly cpuMicroseconds: number
  readonly perCall: number
}

/**
 * A room with up to a million visitors, and what this process knows of them: visitor `n` has the
 * rank `n + 1`.
 */
export class FilledRoom {
  readonly room: WaitingRoom
  readonly tickets: string[] = []
  /** Visitors who joined, including those who have left. */
  readonly size: number
  readonly growth: Growth[] = []
  /** In epoch ms. */
  opensAt = 0
  /** Measured while the room grew. */
  joinsPerSecond = 0

  private constructor(room: WaitingRoom, size: number) {
    this.room = room
    this.size = size
  }

  get waiting(): number {
    return this.size - leftBefore(this.size)
  }

  /**
   * Fills a room that opens later, so that no visitor is admitted while others still join.
   *
   * @param joinsPerSecond Of callers that never pause; joins in waves take longer.
   */
  static async fill(
    engine: Engine,
    waiting: number,
    pace: { rate: number; burst: number },
    joinsPerSecond: number,
    { meter, invariants, progress }: { meter: ServerMeter; invariants: Invariants; progress: Progress },
  ): Promise<FilledRoom> {
    const size = waiting + Math.floor(waiting / (LEAVING - 1))
    let takesMs = (size / joinsPerSecond) * 1_000
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const filled = new FilledRoom(openRoom(engine, `filled-${attempt}`, pace), size)
      const own = new Invariants()
      const began = performance.now()
      filled.opensAt = Math.ceil(Date.now() + 3_000 + takesMs * JOIN_SLACK)
      await filled.room.create({ opensAt: filled.opensAt })
      if (await filled.#fill(meter, own, progress)) {
        filled.joinsPerSecond = (size * 1_000) / (performance.now() - began)
        invariants.add(own.list())
        return filled
      }
      takesMs = ((performance.now() - began) * size) / filled.tickets.length
      await filled.room.close()
    }
    throw new Error(TOO_BUSY)
  }

  /** Answers whether all visitors have joined before the opening. */
  async #fill(meter: ServerMeter, invariants: Invariants, progress: Progress): Promise<boolean> {
    const empty = await meter.read()
    for (let step = 1; step <= STEPS; step++) {
      const before = await meter.read()
      const from = this.tickets.length
      const to = Math.round((this.size / STEPS) * step)
      for (let n = from; n < to; n += WAVE) {
        await this.#join(n, Math.min(to, n + WAVE), invariants)
        if (Date.now() >= this.opensAt) return false
        progress.update('a growing queue', n, this.size, 'joins')
      }
      const joined = await meter.read()
      await this.#leave(from, to, invariants)
      this.growth.push(growthOf(empty, before, joined, await meter.read(), to - from, to - leftBefore(to)))
    }
    const { state, waiting, admitted } = await this.room.stats()
    invariants.check(
      'as many wait as joined and did not leave',
      waiting === this.waiting && admitted === 0,
      `${waiting} wait, ${this.waiting} joined and did not leave`,
    )
    return state === 'not_open'
  }

  /**
   * Until the room opens a position is how many visitors have joined before and have not left, plus
   * one.
   */
  async #join(from: number, to: number, invariants: Invariants): Promise<void> {
    const wave = await Promise.all(
      Array.from({ length: to - from }, (_, i) => joined(this.room.join(buyerName(from + i)))),
    )
    let wrong = 0
    for (const [i, { ticket, position }] of wave.entries()) {
      // The visitors of the latest step who are going to leave have not left yet.
      if (position > from + i + 1 || position < from + i + 1 - leftBefore(from + i)) wrong++
      this.tickets.push(ticket)
    }
    invariants.check(
      'a visitor who joins earlier has the lower position',
      wrong === 0 && ascends(wave),
      `${wrong} of a wave`,
    )
  }

  async #leave(from: number, to: number, invariants: Invariants): Promise<void> {
    for (let n = from; n < to; n += WAVE * LEAVING) {
      const leaving: Promise<{ left: boolean }>[] = []
      for (let each = n; each < Math.min(to, n + WAVE * LEAVING); each++)
        if (hasLeft(each)) leaving.push(this.room.leave(this.tickets[each]!))
      const holds = (await Promise.all(leaving)).every(({ left }) => left)
      invariants.check('every visitor who leaves had a place', holds)
    }
  }

  /** Joins some visitors again: they have the same places, and no visitor is in the queue twice. */
  async checkAgain(invariants: Invariants): Promise<void> {
    const { waiting } = await this.room.stats()
    const step = Math.ceil(this.size / WAVE)
    const some = Array.from({ length: Math.floor(this.size / step) }, (_, i) => i * step).filter(
      (n) => !hasLeft(n),
    )
    const again = await Promise.all(some.map((n) => joined(this.room.join(buyerName(n)))))
    const same = again.every(
      ({ ticket, position }, i) =>
        ticket === this.tickets[some[i]!] && position === some[i]! + 1 - leftBefore(some[i]!),
    )
    invariants.check('a visitor who joins again has the same place and ticket', same)
    const after = await this.room.stats()
    invariants.check('joining again adds no place to the queue', after.waiting === waiting)
    await this.#checkLeft(invariants)
  }

  async #checkLeft(invariants: Invariants): Promise<void> {
    for (let n = LEAVING - 1; n < this.size; n += LEAVING * 100) {
      const answer = await this.room.poll(this.tickets[n]!).catch((error) => error.code)
      invariants.check(
        'the ticket of a place that was given up is invalid',
        answer === 'TICKET_INVALID',
        answer,
      )
    }
  }
}

/**
 * A position less the visitor's own rank: the same for every visitor behind those who are admitted.
 */
export function offsetOf(n: number, position: number): number {
  return position - (n + 1 - leftBefore(n))
}

function ascends(wave: readonly { readonly position: number }[]): boolean {
  return wave.every(({ position }, i) => i === 0 || position > wave[i - 1]!.position)
}

function growthOf(
  empty: Reading,
  before: Reading,
  joined: Reading,
  after: Reading,
  joins: number,
  waiting: number,
): Growth {
  return {
    waiting,
    bytes: (after.memory - empty.memory) / waiting,
    cpuMicroseconds: ((joined.cpu - before.cpu) * 1e6) / joins,
    perCall: joins / (joined.calls - before.calls),
  }
}
