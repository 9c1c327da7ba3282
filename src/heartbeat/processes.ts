import { ask, inTime } from '../engine/ask.js'
import type { Engine } from '../engine/engine.js'
import type { HeartbeatPort } from '../engine/heartbeat.js'
import type { ProcessFigures } from './figures.js'
import { readFigures } from './read-figures.js'

/** A process that was seen less than this long ago is present. ms */
const PRESENT_MS = 5_000

/** A process that has, or had, handles of sales or rooms open under the engine's prefix. */
export interface ListedProcess {
  /** Random. A process has one for each of its engines. */
  readonly id: string
  /** When its latest beat arrived, epoch ms of the server. */
  readonly seenAt: number
  /** How long ago that is. ms */
  readonly silentMs: number
  /** It beats. A process that has died is listed for ten minutes. */
  readonly isPresent: boolean
  /** `undefined`: another version wrote them in a form that this one cannot read. */
  readonly figures: ProcessFigures | undefined
}

/**
 * The processes of an engine, those that were seen last come first. None for an engine without a
 * heartbeat: ask by one that has it.
 *
 * @throws {StockholdError} `UNAVAILABLE`: Redis does not answer.
 */
export async function listProcesses({ heartbeat, clock }: Engine): Promise<ListedProcess[]> {
  if (!heartbeat) return []
  return inTime('The processes were', heartbeat, (signal) => readProcesses(heartbeat, signal), clock)
}

export async function readProcesses(port: HeartbeatPort, signal?: AbortSignal): Promise<ListedProcess[]> {
  const { answer, now } = await ask(port, 'processes', {}, signal)
  return answer.processes.map(({ process, seenAt, figures }) => {
    const silentMs = Math.max(0, now - seenAt)
    const isPresent = silentMs < PRESENT_MS
    return { id: process, seenAt, silentMs, isPresent, figures: readFigures(figures) }
  })
}
