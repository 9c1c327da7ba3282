import { randomBytes } from 'node:crypto'
import { backoff } from '../batching/backoff.js'
import { ask } from '../engine/ask.js'
import { between, type Clock, processClock, type Timer } from '../engine/clock.js'
import type { Engine } from '../engine/engine.js'
import { type HeartbeatPort, MAX_FIGURES } from '../engine/heartbeat.js'
import { StockholdError } from '../errors.js'
import { callCountsOf } from '../telemetry/call-counts.js'
import { CourseWriter } from './course-writer.js'
import { figuresOf, figuresText, type SaleInUse } from './figures.js'
import type { OpenHandle } from './open-handle.js'
import { OpenHandles } from './open-handles.js'
import { RequestAnswers } from './request-answers.js'

const tuning = {
  /** The first beat comes after this time, in ms: spread, as 20 processes may start at once. */
  firstMs: { least: 50, most: 1_000 },
  /** The time between two beats, in ms. */
  everyMs: { least: 950, most: 1_050 },
  /** The longest pause after failures in a row, in ms. */
  longestMs: 30_000,
  /** A beat that is not answered for so long is given up. ms */
  patienceMs: 10_000,
}

/** A handle's part in the heartbeat of its engine. */
export interface Membership {
  readonly port: HeartbeatPort
  /** The name of this process. */
  readonly process: string
  /** Beats now, if no beat is under way: a request was made. */
  hurry(): void
  /** To be called when the handle is closed. */
  leave(): void
}

const beating = new WeakMap<Engine, Heartbeat>()

/**
 * Notes that a handle is open. Each engine with an open handle has one heartbeat, whatever the
 * number of its handles.
 *
 * @returns `undefined`: the engine has no heartbeat.
 */
export function enterHeartbeat(engine: Engine, handle: OpenHandle): Membership | undefined {
  const port = engine.heartbeat
  if (!port) return undefined
  let heartbeat = beating.get(engine)
  if (!heartbeat) {
    heartbeat = new Heartbeat(engine, port)
    beating.set(engine, heartbeat)
  }
  return heartbeat.enter(handle)
}

/** The name of this process in the list of processes, while a handle of the engine is open. */
export function processNameOf(engine: Engine): string | undefined {
  return beating.get(engine)?.process
}

/**
 * Tells the other processes once a second that this one lives, and hears what is asked of it. Its
 * timer never keeps a process alive, and no sale waits for it: a beat that fails is made up for by
 * a later one. The engine has reported why.
 */
class Heartbeat {
  readonly #port: HeartbeatPort
  readonly #clock: Clock
  readonly #engine: Engine
  /** Another one each time that a first handle is opened. */
  #process = ''
  #openedAt = 0
  readonly #handles = new OpenHandles()
  readonly #answers: RequestAnswers
  readonly #course: CourseWriter
  #timer: Timer | undefined
  /** Since when a beat is under way. */
  #askingSince: number | undefined
  /** A beat was sent, so the others may know of this process. */
  #isKnown = false
  #failures = 0
  #notBefore = 0

  constructor(engine: Engine, port: HeartbeatPort) {
    this.#engine = engine
    this.#port = port
    this.#clock = engine.clock ?? processClock
    this.#answers = new RequestAnswers(port, this.#clock, this.#handles)
    this.#course = new CourseWriter(port, this.#handles)
  }

  get process(): string {
    return this.#process
  }

  enter(handle: OpenHandle): Membership {
    if (this.#handles.isEmpty) this.#start()
    this.#handles.add(handle, this.#clock.now())
    return {
      port: this.#port,
      process: this.#process,
      hurry: () => this.#beatNow(),
      leave: () => {
        if (this.#handles.remove(handle) && this.#handles.isEmpty) this.#stop()
      },
    }
  }

  #start(): void {
    this.#process = randomBytes(9).toString('base64url')
    this.#openedAt = this.#clock.now()
    this.#wait(tuning.firstMs)
  }

  #stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#isKnown) void ask(this.#port, 'leave', { process: this.#process }).catch(() => {})
    this.#isKnown = false
  }

  #wait({ least, most }: { readonly least: number; readonly most: number }): void {
    this.#timer = this.#clock.after(between(least, most, this.#clock), () => {
      this.#wait(tuning.everyMs)
      if (this.#clock.now() >= this.#notBefore) this.#beatNow()
    })
    this.#timer.keepAlive(false)
  }

  #beatNow(): void {
    const isAsking = this.#clock.now() < (this.#askingSince ?? Number.NEGATIVE_INFINITY) + tuning.patienceMs
    if (!isAsking && !this.#handles.isEmpty) void this.#beat()
  }

  async #beat(): Promise<void> {
    const process = this.#process
    const begunAt = this.#clock.now()
    this.#askingSince = begunAt
    this.#isKnown = true
    try {
      const { answer, now } = await ask(this.#port, 'beat', { process, figures: this.#figures() })
      this.#failures = 0
      this.#answers.attend(process, answer.due, now)
      this.#course.attend(process, now)
    } catch (error) {
      this.#fail(error)
    } finally {
      if (this.#askingSince === begunAt) this.#askingSince = undefined
    }
  }

  #fail(error: unknown): void {
    const isClosed = error instanceof StockholdError && error.code === 'CLOSED'
    this.#failures++
    const pauseMs = backoff(this.#failures, tuning.everyMs.least, tuning.longestMs)
    this.#notBefore = this.#clock.now() + pauseMs
    if (!isClosed) return
    this.#timer?.cancel()
    beating.delete(this.#engine)
  }

  #figures(): string {
    const counts = callCountsOf(this.#engine, this.#clock)!
    const openForMs = this.#clock.now() - this.#openedAt
    const open = { openForMs, sales: this.#handles.names('sale'), rooms: this.#handles.names('room') }
    const inUse = this.#handles.inUse('sale') as SaleInUse[]
    const roomsInUse = this.#handles.inUse('room')
    return figuresText(figuresOf(counts, { ...open, inUse, roomsInUse }), MAX_FIGURES)
  }
}
