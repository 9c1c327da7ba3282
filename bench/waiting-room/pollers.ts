import { performance } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { Histogram } from '../../scripts/lib/load/histogram.js'
import { buyerName } from '../../scripts/lib/load/sale.js'
import type { Random } from '../../scripts/lib/random.js'
import type { PollResult, WaitingRoom } from '../../src/index.js'
import { type FilledRoom, hasLeft, offsetOf } from './filled-room.js'
import { ToldPositions } from './told-positions.js'

/** Polls of one turn of the event loop; all other work of the process is done between two turns. */
const SLICE = 500
/**
 * Visitors at the head of the queue who poll every second, as they are told to, so that the room
 * can admit them.
 */
const AT_HEAD = 6_000
/**
 * Visitors with a lower position may be about to be admitted, so their position depends on who
 * polls first.
 */
const NEAR = 20_000

/** A round of polls. */
export interface PollRound {
  readonly seconds: number
  readonly polls: number
  /** Answered in the turn of the event loop in which they were asked. */
  readonly atOnce: number
  /** CPU time of this process, everything included, in µs: what a busy machine changes least. */
  readonly cpu: number
  /** The longest turn of the event loop, in ms. */
  readonly longestTurn: number
}

/** What visitors were told by any of the handles. */
export class VisitorAnswers {
  /** When the pass of each expires. */
  readonly admitted = new Map<number, number>()
  readonly isIn: Uint8Array
  /** Of polls that had to wait for Redis, in ms. */
  readonly waits = new Histogram()
  /** The first answers that cannot be right. */
  readonly wrong: string[] = []

  constructor(size: number) {
    this.isIn = new Uint8Array(size)
  }
}

/** Polls for all visitors who wait, and checks each answer. */
export class Pollers {
  readonly told = new ToldPositions()
  readonly #answers: VisitorAnswers
  readonly #filled: FilledRoom
  readonly #room: WaitingRoom
  readonly #next: () => number
  readonly #ticket: (n: number) => string
  #head = 0
  #nextAtHead = 0
  #due = 0
  #open = 0
  #polls = 0
  #atOnce = 0
  /** Counts the turns. */
  #turn = 0
  #now = 0

  /**
   * @param next The visitor who polls next.
   * @param ticket The string that this visitor polls with.
   */
  constructor(
    filled: FilledRoom,
    room: WaitingRoom,
    answers: VisitorAnswers,
    next: () => number,
    ticket: (n: number) => string,
  ) {
    this.#ticket = ticket
    this.#answers = answers
    this.#filled = filled
    this.#room = room
    this.#next = next
  }

  async run(seconds: number): Promise<PollRound> {
    const start = performance.now()
    const before = { polls: this.#polls, atOnce: this.#atOnce }
    const cpu = process.cpuUsage()
    let longestTurn = 0
    let now = start
    while (now - start < seconds * 1_000) {
      this.#now = Date.now()
      for (let i = 0; i < SLICE; i++) void this.#poll(this.#drawVisitor())
      await settled()
      this.#turn++
      await turn()
      const ended = performance.now()
      longestTurn = Math.max(longestTurn, ended - now)
      this.#pollAtHead(((ended - now) / 1_000) * AT_HEAD)
      now = ended
    }
    const { user, system } = process.cpuUsage(cpu)
    return {
      cpu: user + system,
      seconds: (now - start) / 1_000,
      polls: this.#polls - before.polls,
      atOnce: this.#atOnce - before.atOnce,
      longestTurn,
    }
  }

  /** Waits until every poll under way is answered. */
  async drain(): Promise<void> {
    while (this.#open > 0) await turn()
  }

  #drawVisitor(): number {
    let n = this.#next()
    while (!this.#waits(n)) n = this.#next()
    return n
  }

  #waits(n: number): boolean {
    return this.#answers.isIn[n] === 0 && !hasLeft(n)
  }

  #pollAtHead(share: number): void {
    while (this.#head < this.#filled.size && !this.#waits(this.#head)) this.#head++
    for (this.#due += Math.min(share, AT_HEAD); this.#due >= 1; this.#due--) {
      const n = this.#head + this.#nextAtHead
      this.#nextAtHead = (this.#nextAtHead + 1) % AT_HEAD
      if (n < this.#filled.size && this.#waits(n)) void this.#poll(n)
    }
  }

  async #poll(n: number): Promise<void> {
    this.#open++
    this.#polls++
    const asked = this.#turn
    const askedAt = this.#now
    try {
      const answer = await this.#room.poll(this.#ticket(n))
      if (asked === this.#turn) this.#atOnce++
      else {
        this.#now = Date.now()
        this.#answers.waits.add(this.#now - askedAt)
      }
      this.#check(n, answer)
    } catch (error) {
      this.#note(n, String(error))
    }
    this.#open--
  }

  #check(n: number, answer: PollResult): void {
    if (answer.status === 'waiting') {
      const { position } = answer
      if (position > NEAR) this.told.add(offsetOf(n, position), this.#now)
      else if (!(position >= 1)) this.#note(n, `position ${position}`)
    } else if (answer.status === 'admitted') {
      const known = this.#answers.admitted.get(n)
      if (known !== undefined && known !== answer.expiresAt) this.#note(n, 'admitted twice')
      this.#answers.admitted.set(n, answer.expiresAt)
      this.#answers.isIn[n] = 1
      const { buyer } = this.#room.verify(answer.pass, { buyer: buyerName(n) })
      if (buyer !== buyerName(n)) this.#note(n, 'the pass of another visitor')
    } else this.#note(n, answer.status)
  }

  #note(n: number, what: string): void {
    if (this.#answers.wrong.length < 5) this.#answers.wrong.push(`${buyerName(n)}: ${what}`)
  }
}

/** Resolves when every promise that waits for no I/O is settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}

/** Draws visitors at random, some of them often. */
export function anyVisitor(size: number, random: Random): () => number {
  return () => Math.floor(random() * size)
}

/** Every visitor once, over and over; two that follow each other are far apart in the queue. */
export function everyVisitor(size: number): () => number {
  let n = 0
  // Without a factor in common with the size: otherwise some visitors would never have their turn.
  let stride = Math.floor(size * 0.618)
  while (divisor(stride, size) > 1) stride++
  return () => {
    n = (n + stride) % size
    return n
  }
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b)
}

/**
 * Tickets as requests bring them: each time a new string with the same characters, which has to be
 * read in full.
 */
export function asFreshStrings(tickets: readonly string[]): (n: number) => string {
  const ends = new Float64Array(tickets.length + 1)
  for (const [n, ticket] of tickets.entries()) ends[n + 1] = ends[n]! + ticket.length
  const bytes = Buffer.allocUnsafe(ends.at(-1)!)
  for (const [n, ticket] of tickets.entries()) bytes.write(ticket, ends[n]!, 'latin1')
  return (n) => bytes.toString('latin1', ends[n]!, ends[n + 1]!)
}
