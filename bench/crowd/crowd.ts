import { performance } from 'node:perf_hooks'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import { buyerName } from '../../scripts/lib/load/sale.js'
import type { Reading, ServerMeter } from '../../scripts/lib/load/server-meter.js'
import type { Progress } from '../../scripts/lib/terminal/progress-line.js'
import { type Engine, WaitingRoom } from '../../src/index.js'

export const SECRET = 'a secret for the bench, of 32 bytes or more'
export const ROOM = 'crowd'
/** Nobody's pass runs out meanwhile. */
export const PASS_MS = 3_600_000
/** One in so many leaves again before the door opens: places that were given up are part of every line. */
const LEAVING = 101
/** Joins sent at once, as with the reservations of the part `memory`. */
const WAVE = 1_000
const STEPS = 10
/** Joins in waves, measured step by step, take so many times as long at most as those of callers who never rest. */
const FILL_SLACK = 3
/** A position is the number of the place until the door opens, and that is what everything else is checked by. */
export const TOO_BUSY = 'the machine was too busy: not all had joined when the door opened'

export const hasLeft = (n: number) => (n + 1) % LEAVING === 0

/** How many of the buyers before this one have left. */
const leftBefore = (n: number) => Math.floor(n / LEAVING)

/** Everybody's deadline is far away, since a slow answer is a figure here, not a fault. */
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

/** The room at a size, and what the latest joins took. */
export interface Growth {
  readonly waiting: number
  /** Of all that wait. */
  readonly bytes: number
  readonly cpuMicroseconds: number
  readonly perCall: number
}

/** A million buyers in one room, and what this process knows of them: buyer `n` has the place `n + 1`. */
export class Crowd {
  readonly room: WaitingRoom
  readonly tickets: string[] = []
  /** How many have come, those included that have left. */
  readonly size: number
  readonly growth: Growth[] = []
  /** In epoch ms. */
  opensAt = 0
  /** What this machine managed while the room grew. */
  joinsPerSecond = 0

  private constructor(room: WaitingRoom, size: number) {
    this.room = room
    this.size = size
  }

  get waiting(): number {
    return this.size - leftBefore(this.size)
  }

  /** Fills a room that opens later: nobody is called while others still come. */
  static async fill(
    engine: Engine,
    waiting: number,
    pace: { rate: number; burst: number },
    joinsPerSecond: number,
    { meter, invariants, progress }: { meter: ServerMeter; invariants: Invariants; progress: Progress },
  ): Promise<Crowd> {
    const empty = await meter.read()
    const crowd = new Crowd(openRoom(engine, ROOM, pace), waiting + Math.floor(waiting / (LEAVING - 1)))
    const began = performance.now()
    crowd.opensAt = Math.ceil(Date.now() + 3_000 + (crowd.size / joinsPerSecond) * FILL_SLACK * 1_000)
    await crowd.room.create({ opensAt: crowd.opensAt })
    for (let step = 1; step <= STEPS; step++) {
      const before = await meter.read()
      const from = crowd.tickets.length
      const to = Math.round((crowd.size / STEPS) * step)
      for (let n = from; n < to; n += WAVE) {
        await crowd.#join(n, Math.min(to, n + WAVE), invariants)
        progress.update('a growing crowd', n, crowd.size, 'joins')
      }
      const joined = await meter.read()
      await crowd.#leave(from, to, invariants)
      crowd.growth.push(growthOf(empty, before, joined, await meter.read(), to - from, to - leftBefore(to)))
    }
    crowd.joinsPerSecond = (crowd.size * 1_000) / (performance.now() - began)
    const stats = await crowd.room.stats()
    if (stats.state !== 'not_open') throw new Error(TOO_BUSY)
    invariants.check(
      'as many wait as joined and did not leave',
      stats.waiting === crowd.waiting && stats.admitted === 0,
      `${stats.waiting} wait, ${crowd.waiting} joined and did not leave`,
    )
    return crowd
  }

  /** Until the door opens a position is the place itself: how many have joined before and have not left. */
  async #join(from: number, to: number, invariants: Invariants): Promise<void> {
    const wave = await Promise.all(
      Array.from({ length: to - from }, (_, i) => this.room.join(buyerName(from + i))),
    )
    let wrong = 0
    for (const [i, { ticket, position }] of wave.entries()) {
      // Those of the latest step that are going to leave have not yet.
      if (position > from + i + 1 || position < from + i + 1 - leftBefore(from + i)) wrong++
      this.tickets.push(ticket)
    }
    invariants.check('who joins first stands first', wrong === 0 && ascends(wave), `${wrong} of a wave`)
  }

  async #leave(from: number, to: number, invariants: Invariants): Promise<void> {
    for (let n = from; n < to; n += WAVE * LEAVING) {
      const leaving: Promise<{ left: boolean }>[] = []
      for (let each = n; each < Math.min(to, n + WAVE * LEAVING); each++)
        if (hasLeft(each)) leaving.push(this.room.leave(this.tickets[each]!))
      const holds = (await Promise.all(leaving)).every(({ left }) => left)
      invariants.check('whoever leaves had a place', holds)
    }
  }

  /** The same buyers once more: the same places, and nobody is in the line twice. */
  async checkAgain(invariants: Invariants): Promise<void> {
    const { waiting } = await this.room.stats()
    const step = Math.ceil(this.size / WAVE)
    const some = Array.from({ length: Math.floor(this.size / step) }, (_, i) => i * step).filter(
      (n) => !hasLeft(n),
    )
    const again = await Promise.all(some.map((n) => this.room.join(buyerName(n))))
    const same = again.every(
      ({ ticket, position }, i) =>
        ticket === this.tickets[some[i]!] && position === some[i]! + 1 - leftBefore(some[i]!),
    )
    invariants.check('the same buyer has the same place and ticket', same)
    const after = await this.room.stats()
    invariants.check('joining again makes nobody wait twice', after.waiting === waiting)
    await this.#checkLeft(invariants)
  }

  async #checkLeft(invariants: Invariants): Promise<void> {
    for (let n = LEAVING - 1; n < this.size; n += LEAVING * 100) {
      const answer = await this.room.poll(this.tickets[n]!).catch((error) => error.code)
      invariants.check('a place that was given up is no place any more', answer === 'TICKET_INVALID', answer)
    }
  }
}

/** What is left of a position without the buyer's own place: the same for everybody who waits behind the called. */
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
