import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Clock } from '../engine/clock.js'
import type { Engine } from '../engine/engine.js'
import { AnswerCounts, addOutcome, type Outcomes } from './answer-counts.js'

/** The calls of one command. */
interface Counted {
  readonly outcomes: Outcomes
  /** How long they took since the latest reading, in µs. */
  readonly durations: RecordableHistogram
}

/** How long the calls of a command took. ms */
export interface Latency {
  readonly calls: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** The part of a handle in the counts of its engine. */
export interface HandleCounts {
  readonly all: CallCounts
  /** Whose answers to buyers are counted apart. */
  readonly sale: string | null
}

const counting = new WeakMap<Engine, CallCounts>()

/** The counts of an engine's calls; `undefined`: they are told nowhere. */
export function callCountsOf(engine: Engine, clock: Clock): CallCounts | undefined {
  if (!engine.heartbeat) return undefined
  let counts = counting.get(engine)
  if (!counts) {
    counts = new CallCounts(clock)
    counting.set(engine, counts)
  }
  return counts
}

/**
 * Counts the calls of all handles of an engine, also while nothing subscribes to a channel. Two
 * readings of the clock and a histogram are all that a call costs.
 */
export class CallCounts {
  readonly clock: Clock
  readonly #commands = new Map<string, Counted>()
  readonly answers = new AnswerCounts()
  /** Calls under way. */
  open = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** @param outcome The status of the result, or the code of the error. */
  end(sale: string | null, command: string, outcome: string, begunAt: number): void {
    this.open--
    const counted = this.#commands.get(command) ?? this.#add(command)
    addOutcome(counted.outcomes, outcome)
    if (sale !== null && command === 'reserve') this.answers.add(sale, outcome)
    counted.durations.record(Math.max(1, Math.round(1_000 * (this.clock.now() - begunAt))))
  }

  #add(command: string): Counted {
    const counted = { outcomes: new Map(), durations: createHistogram({ figures: 2 }) }
    this.#commands.set(command, counted)
    return counted
  }

  /** By command and outcome, since the beginning. */
  get counts(): Record<string, Record<string, number>> {
    return Object.fromEntries(
      [...this.#commands].map(([command, { outcomes }]) => [command, Object.fromEntries(outcomes)]),
    )
  }

  /** By command, of the calls that have ended since the latest reading. */
  takeLatencies(): Record<string, Latency> {
    const found: Record<string, Latency> = {}
    for (const [command, { durations }] of this.#commands) {
      if (durations.count === 0) continue
      found[command] = {
        calls: durations.count,
        p50Ms: durations.percentile(50) / 1_000,
        p99Ms: durations.percentile(99) / 1_000,
      }
      durations.reset()
    }
    return found
  }
}
