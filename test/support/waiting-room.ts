import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import { joined } from '../../scripts/lib/joined.js'
import type { Clock } from '../../src/engine/clock.js'
import type { Engine } from '../../src/engine/engine.js'
import type { RoomCommand } from '../../src/engine/room.js'
import {
  FlashSale,
  type JoinedQueue,
  type PollResult,
  type RoomRules,
  WaitingRoom,
  type WaitingRoomOptions,
} from '../../src/index.js'
import { type EngineKind, engineKinds, START, type TimedEngine } from './engines.js'
import { TestClock } from './test-clock.js'
import { wrapped } from './wrapped-engine.js'

export const SECRET = 'a secret of thirty-two bytes, at least'

export type Waiting = Extract<PollResult, { status: 'waiting' }>
export type Admitted = Extract<PollResult, { status: 'admitted' }>
export type HandleOptions = Partial<Omit<WaitingRoomOptions, 'engine'>>
export type OpenDoor = (options?: HandleOptions, creation?: RoomRules, id?: string) => Promise<Entrance>

/**
 * The same suite over every engine there is; `open` makes a room on a fresh engine whose clock
 * stands still.
 */
export function onBothEngines(suite: (open: OpenDoor, kind: EngineKind) => void): void {
  for (const kind of engineKinds()) {
    describe(`${kind.name} engine`, () => {
      beforeAll(kind.start)
      afterAll(kind.stop)
      suite(async (options, creation, id) => Entrance.open(await kind.make(), options, creation, id), kind)
    })
  }
}

/**
 * Timers of a world without waiting: a timer that somebody waits for goes off at once and takes the
 * time with it; one that merely looks around, and a deadline, never do. So the room is tended by
 * the polls of a test and by nothing else.
 */
function promptTiming(clock: () => number): Clock {
  let taken = 0
  let latest = 0
  const now = () => {
    latest = Math.max(latest, clock() + taken)
    return latest
  }
  return {
    now,
    random: Math.random,
    after(ms, callback) {
      const at = now() + ms
      const fire = () => {
        taken += Math.max(0, at - now())
        callback()
      }
      const arm = () => (ms > 1_000 ? undefined : setImmediate(fire))
      let pending = arm()
      const cancel = () => {
        if (pending) clearImmediate(pending)
        pending = undefined
      }
      return {
        cancel,
        keepAlive(keep) {
          cancel()
          if (keep) pending = arm()
        },
      }
    },
  }
}

/** The engine, and what passes between it and its rooms. */
export interface SpiedEngine {
  readonly engine: Engine
  readonly calls: { readonly command: RoomCommand; readonly ops: readonly object[] }[]
  /** How many `tend`s were under way at a time, at most. */
  mostTends: number
  /** Before each call: what it throws or rejects with is the engine's failure. */
  before: ((command: RoomCommand) => unknown) | undefined
  /** How often a room was asked; of one command, or of all. */
  count(command?: RoomCommand): number
}

export function spied(engine: Engine): SpiedEngine {
  let tends = 0
  const spy: SpiedEngine = {
    calls: [],
    mostTends: 0,
    before: undefined,
    count: (command) => spy.calls.filter((call) => command === undefined || call.command === command).length,
    engine: wrapped(engine, {
      room(name) {
        const port = engine.room(name)
        return {
          ready: () => port.ready(),
          async run(command, ops, call) {
            spy.calls.push({ command, ops })
            const isTend = command === 'tend'
            if (isTend) spy.mostTends = Math.max(spy.mostTends, ++tends)
            try {
              await spy.before?.(command)
              return await port.run(command, ops, call)
            } finally {
              if (isTend) tends--
            }
          },
        }
      },
    }),
  }
  return spy
}

/** A waiting room as the public sees it, with a crowd that keeps its tickets. */
export class Entrance {
  readonly room: WaitingRoom
  readonly tickets = new Map<string, string>()
  readonly timers = new TestClock()

  private constructor(
    readonly clock: TimedEngine,
    /** With prompt timers. */
    readonly engine: Engine,
    readonly id: string,
    readonly options: HandleOptions,
  ) {
    this.room = this.handle()
  }

  static async open(
    clock: TimedEngine,
    options: HandleOptions = {},
    creation: RoomRules = {},
    id = 'launch',
  ): Promise<Entrance> {
    const engine = wrapped(clock.engine, { clock: promptTiming(clock.now) })
    const entrance = new Entrance(clock, engine, id, options)
    expect(await entrance.room.create(creation)).toEqual({ created: true })
    return entrance
  }

  /** One more handle on the same room, as another process would have it. */
  handle(options: HandleOptions = {}, engine = this.engine, id = this.id): WaitingRoom {
    const usual = { secret: SECRET, ratePerSecond: 1, burst: 1, deadlineMs: 3_600_000, ...this.options }
    const room = new WaitingRoom(id, { ...usual, ...options, engine })
    onTestFinished(() => room.close())
    return room
  }

  /** A handle that looks around by itself, while the test lets time pass on `timers`. */
  live(options: HandleOptions = {}): WaitingRoom {
    return this.handle({ deadlineMs: 20_000, ...options }, this.timers.drive(this.clock.engine))
  }

  /** A handle on a sale of this engine. */
  sale(id = 'phones', options: { waitingRoom?: WaitingRoom } = {}): FlashSale {
    const sale = new FlashSale(id, { engine: this.engine, deadlineMs: 3_600_000, ...options })
    onTestFinished(() => sale.close())
    return sale
  }

  now(): number {
    return this.clock.now()
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }

  /** All at once: a batch keeps the order in which they are named. */
  async join(...buyers: readonly string[]): Promise<JoinedQueue[]> {
    const all = await Promise.all(buyers.map((buyer) => joined(this.room.join(buyer))))
    for (const [i, { ticket }] of all.entries()) this.tickets.set(buyers[i]!, ticket)
    return all
  }

  /** So many, named `u` and their number. */
  async crowd(size: number): Promise<string[]> {
    const buyers = Array.from({ length: size }, (_, i) => `u${i + 1}`)
    await this.join(...buyers)
    return buyers
  }

  ticket(buyer: string): string {
    return this.tickets.get(buyer)!
  }

  poll(buyer: string, room = this.room): Promise<PollResult> {
    return room.poll(this.ticket(buyer))
  }

  /** They all poll, in this order and without waiting for each other. */
  async come(buyers: readonly string[], room = this.room): Promise<Record<string, PollResult>> {
    const results = await Promise.all(buyers.map((buyer) => this.poll(buyer, room)))
    return Object.fromEntries(buyers.map((buyer, i) => [buyer, results[i]!]))
  }

  /** Polls of somebody who must still be waiting. */
  async waiting(buyer: string, room = this.room): Promise<Waiting> {
    const result = await this.poll(buyer, room)
    if (result.status !== 'waiting') expect.fail(`${buyer} is told ${JSON.stringify(result)}`)
    return result
  }

  /** Polls of somebody whose turn it must be. */
  async admitted(buyer: string, room = this.room): Promise<Admitted> {
    const result = await this.poll(buyer, room)
    if (result.status !== 'admitted') expect.fail(`${buyer} is told ${JSON.stringify(result)}`)
    return result
  }

  /**
   * So long, by steps of at most a second; those named poll at each step. Answers what they were
   * told last.
   */
  async pass(ms: number, coming: readonly string[]): Promise<Record<string, PollResult>> {
    let told: Record<string, PollResult> = {}
    for (let left = ms; left > 0; left -= 1_000) {
      await this.advance(Math.min(left, 1_000))
      told = await this.come(coming)
    }
    return told
  }
}

/** Whoever of them was admitted. */
export function entered(told: Record<string, PollResult>): string[] {
  return Object.keys(told).filter((buyer) => told[buyer]!.status === 'admitted')
}

/** Where each of them stands; `null` for who waits no more. */
export function positions(told: Record<string, PollResult>): (number | null)[] {
  return Object.values(told).map((result) => (result.status === 'waiting' ? result.position : null))
}

/** The code a call ends with. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    (value) => expect.fail(`resolved with ${JSON.stringify(value)}`),
    (error: { code?: string }) => error.code ?? String(error),
  )
}

export { START }
