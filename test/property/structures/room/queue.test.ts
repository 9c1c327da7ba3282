import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SHOW_MS } from '../../../../src/engine/room.js'
import { Queue as RealQueue } from '../../../../src/memory-engine/room/queue.js'
import { QueueSpeed } from '../../../../src/memory-engine/room/queue-speed.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

const CLAIM_MS = 640
const START = 1_000_000

interface Moment {
  readonly now: number
  readonly called: number
  readonly tail: number
}

/**
 * A queue, on a clock that does not go back: it is sampled before each change, as a room does it.
 */
class Clocked {
  #now = START
  #doorTime = 0

  constructor(
    readonly line: Queue,
    readonly speed: Speed,
  ) {}

  pass(ms: number, opened: boolean): void {
    this.#now += ms
    this.#doorTime += ms
    this.line.sample(this.#now)
    this.speed.sample(this.#doorTime, opened, this.line)
  }

  join(count: number): number {
    let tail = 0
    for (let i = 0; i < count; i++) tail = this.line.lengthen(this.#now)
    return tail
  }

  call(ahead: number): void {
    this.line.callUpTo(Math.min(this.line.tail, this.line.called + ahead - 1), this.#now)
  }

  shuffle(): void {
    this.line.shuffle(this.#now)
  }

  leave(number: number): void {
    this.line.gone.add(number)
  }

  look(rate: number): unknown {
    const { line } = this
    return [line.tail, line.called, this.speed.of(this.#doorTime, rate, line), line.settled(this.#now, 3)]
  }

  /** Of ranks from the called one on. */
  isNext(ahead: number, drawn: number): boolean {
    this.line.drawn = drawn
    return this.line.nobodyBefore(this.line.called + ahead)
  }

  passed(ms: number): number {
    this.line.note(this.#doorTime)
    this.#doorTime += ms
    this.#now += ms
    return this.line.passed(this.#doorTime)
  }
}

type Queue = Pick<
  RealQueue,
  'tail' | 'called' | 'drawn' | 'lengthen' | 'shuffle' | 'callUpTo' | 'sample' | 'settled'
> &
  Pick<RealQueue, 'nobodyBefore' | 'note' | 'passed'> & { readonly gone: Pick<RealQueue['gone'], 'add'> }

interface Speed {
  sample(doorTime: number, opened: boolean, line: Pick<RealQueue, 'called' | 'tail'>): void
  of(doorTime: number, rate: number, line: Pick<RealQueue, 'called'>): number
}

/** As a room of one tier observes it. */
class RealSpeed implements Speed {
  readonly #speed = new QueueSpeed()

  sample(doorTime: number, opened: boolean, { called, tail }: Queue): void {
    if (!opened || called >= tail) this.#speed.restart(doorTime, called)
    this.#speed.sample(doorTime, called)
  }

  of(doorTime: number, rate: number, { called }: Queue): number {
    return this.#speed.of(doorTime, called, rate)
  }
}

/** From where it is observed, every 10 s. */
class ModelSpeed implements Speed {
  #speed = [{ doorTime: 0, called: 0 }]

  sample(doorTime: number, opened: boolean, { called, tail }: Queue): void {
    const rests = !opened || called === tail
    if (rests) this.#speed = [{ doorTime, called }]
    else if (doorTime >= this.#speed.at(-1)!.doorTime + 10_000) this.#speed.push({ doorTime, called })
  }

  /** Five seconds at the rate asked for, and then what was seen: by the 1,000 s. */
  of(doorTime: number, rate: number, { called }: Queue): number {
    const before = this.#speed.at(-2) ?? this.#speed[0]!
    const ranks = called - before.called + rate / 200
    return Math.floor((ranks * 1_000_000) / (doorTime - before.doorTime + 5_000))
  }
}

/** By every moment there ever was. */
class Model implements Queue {
  tail = 0
  called = 0
  drawn: number | null = null
  #tailAt = 0
  #calledAt = 0
  /** What is known of before, taken every SHOW_MS. */
  #ends: Moment[] = [{ now: START, called: 0, tail: 0 }]
  readonly gone = new Set<number>()
  readonly #notes: { readonly doorTime: number; readonly called: number }[] = []

  lengthen(now: number): number {
    this.#tailAt = now
    this.tail += 1
    return this.tail
  }

  shuffle(now: number): void {
    this.#tailAt = now
    this.#ends = [{ now, called: this.called, tail: 0 }]
  }

  callUpTo(rank: number, now: number): void {
    if (rank > this.called) [this.called, this.#calledAt] = [rank, now]
  }

  sample(now: number): void {
    if (now >= this.#ends.at(-1)!.now + SHOW_MS)
      this.#ends.push({ now, called: this.called, tail: this.tail })
  }

  settled(now: number, near: number): number {
    const before = this.#ends.at(-2) ?? this.#ends[0]!
    const called = now >= this.#calledAt + SHOW_MS ? this.called : before.called
    const tail = now >= this.#tailAt + SHOW_MS ? this.tail : before.tail
    return Math.min(called + near, tail)
  }

  /** By number, which says something about ranks only behind those that were drawn. */
  nobodyBefore(rank: number): boolean {
    for (let before = this.called + 1; before < rank; before++)
      if (!this.gone.has(before) || this.called < (this.drawn ?? 0)) return false
    return true
  }

  note(doorTime: number): void {
    this.#notes.push({ doorTime, called: this.called })
  }

  passed(doorTime: number): number {
    const old = this.#notes.filter((note) => note.doorTime + CLAIM_MS <= doorTime)
    return Math.max(0, ...old.map((note) => note.called))
  }
}

test('the end of the queue is fixed SHOW_MS after it was there, and its speed is what was seen', () => {
  const wait = fc.constantFrom(0, 10, 990, 1_000, SHOW_MS - 10, SHOW_MS, SHOW_MS + 10, 5_000, 9_990, 10_000)
  sameAsModel<Clocked>(
    () => ({
      real: new Clocked(new RealQueue(CLAIM_MS, START), new RealSpeed()),
      model: new Clocked(new Model(), new ModelSpeed()),
    }),
    [
      fc
        .tuple(wait, fc.constantFrom(true, true, true, false))
        .map(([ms, opened]) => operation(`${ms} ms pass, ${opened}`, (clocked) => clocked.pass(ms, opened))),
      fc.nat(5).map((count) => operation(`${count} join`, (clocked) => clocked.join(count))),
      fc.nat(4).map((ahead) => operation(`call ${ahead} - 1 more`, (clocked) => clocked.call(ahead))),
      fc.constant(operation('draw', (clocked) => clocked.shuffle())),
      fc
        .constantFrom(0, 200, 2_000)
        .map((rate) => operation(`look, rate ${rate}`, (clocked) => clocked.look(rate))),
      fc.nat(12).map((number) => operation(`${number} leaves`, (clocked) => clocked.leave(number))),
      fc
        .tuple(fc.nat(4), fc.nat(6))
        .map(([ahead, drawn]) =>
          operation(`is ${ahead} ahead next, ${drawn} drawn`, (clocked) => clocked.isNext(ahead, drawn)),
        ),
      // Ten ms at a time, or all of claimMs: a 64th of it is 10 ms.
      fc
        .constantFrom(10, CLAIM_MS - 10, CLAIM_MS)
        .map((ms) => operation(`passed after ${ms}`, (clocked) => clocked.passed(ms))),
    ],
    { runs: 150 },
  )
})

/** A queue of ten, all of them there for long. */
function ten() {
  const line = new RealQueue(CLAIM_MS, START)
  for (let i = 0; i < 10; i++) line.lengthen(START)
  return line
}

test('a called rank counts as there from SHOW_MS on, whatever was called again meanwhile', () => {
  const line = ten()
  line.sample(START + SHOW_MS)
  line.callUpTo(5, START + SHOW_MS)
  expect(line.settled(START + SHOW_MS, 3)).toBe(3)
  line.callUpTo(5, START + SHOW_MS + 1)
  expect(line.settled(START + 2 * SHOW_MS - 1, 3)).toBe(3)
  expect(line.settled(START + 2 * SHOW_MS, 3)).toBe(8)
})

test('the end of the queue counts as there from SHOW_MS on', () => {
  const line = ten()
  expect(line.settled(START + SHOW_MS - 1, 20)).toBe(0)
  expect(line.settled(START + SHOW_MS, 20)).toBe(10)
})

test('the speed is taken from 10 s of open time, and not from one ms less', () => {
  const early = new QueueSpeed()
  early.sample(9_999, 1)
  early.sample(19_998, 2)
  expect(early.of(20_000, 2, 0)).toBe(Math.floor((2 * 1_000_000) / 25_000))
  const late = new QueueSpeed()
  late.sample(10_000, 1)
  late.sample(20_000, 2)
  expect(late.of(20_000, 2, 0)).toBe(Math.floor(1_000_000 / 15_000))
})

test('numbers say which ranks were given up once all that were drawn have been called, the last included', () => {
  const line = ten()
  line.gone.add(6)
  line.callUpTo(5, START)
  const isNext = [4, 5, 6].map((drawn) => {
    line.drawn = drawn
    return line.nobodyBefore(7)
  })
  expect(isNext).toEqual([true, true, false])
})
