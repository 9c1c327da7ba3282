import { performance } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { Histogram } from '../../scripts/lib/load/histogram.js'
import { buyerName } from '../../scripts/lib/load/sale.js'
import type { Random } from '../../scripts/lib/random.js'
import type { PollResult, WaitingRoom } from '../../src/index.js'
import { type Crowd, hasLeft, offsetOf } from './crowd.js'
import { ToldLog } from './truth.js'

/** Polls of one turn of the event loop; between two turns everything else of the process has its turn too. */
const SLICE = 500
/** So many in front come every second, as they are told to; the door is open for hundreds a second, and nobody would be there. */
const FRONT = 6_000
/** Whoever is told a lower position may be at the door, and is told how many there come first. */
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

/** What visitors were told, whichever handle told them. */
export class Heard {
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

/** Asks for everybody who waits, and looks at each answer. */
export class Pollers {
  readonly told = new ToldLog()
  readonly #heard: Heard
  readonly #crowd: Crowd
  readonly #room: WaitingRoom
  readonly #next: () => number
  readonly #ticket: (n: number) => string
  #front = 0
  #nextInFront = 0
  #due = 0
  #open = 0
  #polls = 0
  #atOnce = 0
  /** Counts the turns. */
  #turn = 0
  #now = 0

  /** @param next Whose turn it is to ask.
   * @param ticket What they ask with. */
  constructor(
    crowd: Crowd,
    room: WaitingRoom,
    heard: Heard,
    next: () => number,
    ticket: (n: number) => string,
  ) {
    this.#ticket = ticket
    this.#heard = heard
    this.#crowd = crowd
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
      for (let i = 0; i < SLICE; i++) void this.#ask(this.#whom())
      await settled()
      this.#turn++
      await turn()
      const ended = performance.now()
      longestTurn = Math.max(longestTurn, ended - now)
      this.#askInFront(((ended - now) / 1_000) * FRONT)
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

  /** Until everybody who stands at the door has an answer. */
  async drain(): Promise<void> {
    while (this.#open > 0) await turn()
  }

  #whom(): number {
    let n = this.#next()
    while (!this.#waits(n)) n = this.#next()
    return n
  }

  #waits(n: number): boolean {
    return this.#heard.isIn[n] === 0 && !hasLeft(n)
  }

  #askInFront(share: number): void {
    while (this.#front < this.#crowd.size && !this.#waits(this.#front)) this.#front++
    for (this.#due += Math.min(share, FRONT); this.#due >= 1; this.#due--) {
      const n = this.#front + this.#nextInFront
      this.#nextInFront = (this.#nextInFront + 1) % FRONT
      if (n < this.#crowd.size && this.#waits(n)) void this.#ask(n)
    }
  }

  async #ask(n: number): Promise<void> {
    this.#open++
    this.#polls++
    const asked = this.#turn
    const askedAt = this.#now
    try {
      const answer = await this.#room.poll(this.#ticket(n))
      if (asked === this.#turn) this.#atOnce++
      else {
        this.#now = Date.now()
        this.#heard.waits.add(this.#now - askedAt)
      }
      this.#look(n, answer)
    } catch (error) {
      this.#note(n, String(error))
    }
    this.#open--
  }

  #look(n: number, answer: PollResult): void {
    if (answer.status === 'waiting') {
      const { position } = answer
      if (position > NEAR) this.told.add(offsetOf(n, position), this.#now)
      else if (!(position >= 1)) this.#note(n, `position ${position}`)
    } else if (answer.status === 'admitted') {
      const known = this.#heard.admitted.get(n)
      if (known !== undefined && known !== answer.expiresAt) this.#note(n, 'admitted twice')
      this.#heard.admitted.set(n, answer.expiresAt)
      this.#heard.isIn[n] = 1
      const { buyer } = this.#room.verify(answer.pass, { buyer: buyerName(n) })
      if (buyer !== buyerName(n)) this.#note(n, 'a pass of somebody else')
    } else this.#note(n, answer.status)
  }

  #note(n: number, what: string): void {
    if (this.#heard.wrong.length < 5) this.#heard.wrong.push(`${buyerName(n)}: ${what}`)
  }
}

/** When every promise that needs nobody else is settled: before anything but them has its turn. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}

/** Anybody, and often the same. */
export function anybody(size: number, random: Random): () => number {
  return () => Math.floor(random() * size)
}

/** Everybody once, and neighbours far apart, over and over. */
export function everybody(size: number): () => number {
  let n = 0
  // Without a factor in common with the size, or some would never come.
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

/** The ticket as a request brings it: every time another string with the same characters, which has to be read in full. */
export function asTheyArrive(tickets: readonly string[]): (n: number) => string {
  const ends = new Float64Array(tickets.length + 1)
  for (const [n, ticket] of tickets.entries()) ends[n + 1] = ends[n]! + ticket.length
  const bytes = Buffer.allocUnsafe(ends.at(-1)!)
  for (const [n, ticket] of tickets.entries()) bytes.write(ticket, ends[n]!, 'latin1')
  return (n) => bytes.toString('latin1', ends[n]!, ends[n + 1]!)
}
