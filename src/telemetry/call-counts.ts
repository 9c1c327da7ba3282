import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Clock } from '../engine/clock.js'
import type { Engine } from '../engine/engine.js'

/** The most outcomes of a command that are counted apart: the library has fewer. */
const MAX_OUTCOMES = 32

/** The calls of one command. */
interface Counted {
  readonly outcomes: Map<string, number>
  /** How long they took since the latest reading, in µs. */
  readonly durations: RecordableHistogram
}

/** How long the calls of a command took. ms */
export interface Latency {
  readonly calls: number
  readonly p50Ms: number
  readonly p99Ms: number
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
  /** Calls under way. */
  open = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** @param outcome The status of the result, or the code of the error. */
  end(command: string, outcome: string, begunAt: number): void {
    this.open--
    const counted = this.#commands.get(command) ?? this.#add(command)
    const { outcomes } = counted
    const known = outcomes.get(outcome)
    if (known !== undefined || outcomes.size < MAX_OUTCOMES) outcomes.set(outcome, (known ?? 0) + 1)
    counted.durations.record(Math.max(1, Math.round(1_000 * (this.clock.now() - begunAt))))
  }

  #add(command: string): Counted {
    const counted = { outcomes: new Map<string, number>(), durations: createHistogram({ figures: 2 }) }
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
