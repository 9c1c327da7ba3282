import { ask, inTime } from '../../engine/ask.js'
import type { Engine } from '../../engine/engine.js'
import type { HeartbeatPort, NotedRequest } from '../../engine/heartbeat.js'
import { readProcesses } from '../../heartbeat/processes.js'
import type { RecoveryProgress } from '../results.js'
import { readRecoveryBody, stateOf } from './recovery-request.js'

/** A recovery that was asked of every process, for an hour after it was. */
export interface ListedRecovery extends RecoveryProgress {
  readonly sale: string
  /** What each process does; `replay` also with a ledger. */
  readonly from: 'accept' | 'replay'
  readonly waitFor: number
  /** Epoch ms of the server. */
  readonly startedAt: number
  readonly deadline: number
  /** How long it waits for answers from now on, at most. ms */
  readonly remainingMs: number
  /**
   * `waiting` for answers; `resuming`: all have answered; `resumed`: the sale sells again;
   * `frozen`: all have answered, and it was to stay frozen; `over`: too few answered in time.
   */
  readonly state: 'waiting' | 'resuming' | 'resumed' | 'frozen' | 'over'
}

/**
 * Those of all sales of an engine, the latest last. None for an engine without a heartbeat.
 *
 * @throws {StockholdError} `UNAVAILABLE`: Redis does not answer.
 */
export async function listRecoveries({ heartbeat, clock }: Engine): Promise<ListedRecovery[]> {
  if (!heartbeat) return []
  return inTime('The recoveries were', heartbeat, (signal) => readRecoveries(heartbeat, signal), clock)
}

async function readRecoveries(heartbeat: HeartbeatPort, signal: AbortSignal): Promise<ListedRecovery[]> {
  const { answer, now } = await ask(heartbeat, 'requests', {}, signal)
  const processes = answer.requests.length > 0 ? await readProcesses(heartbeat, signal) : []
  return answer.requests.flatMap((request) => {
    const body = readRecoveryBody(request)
    if (!body) return []
    const { refused: _, ...progress } = stateOf(request, body.id, processes)
    const { waitFor, createdAt, deadline } = request
    const remainingMs = Math.max(0, deadline - now)
    const rest = { ...progress, waitFor, startedAt: createdAt, deadline, remainingMs }
    return [{ sale: body.id, from: body.recovers, ...rest, state: nameOf(request, now) }]
  })
}

function nameOf(
  { completedAt, finishedAt, resumes, deadline }: NotedRequest,
  now: number,
): ListedRecovery['state'] {
  if (finishedAt !== null) return 'resumed'
  if (completedAt !== null) return resumes ? 'resuming' : 'frozen'
  return now > deadline ? 'over' : 'waiting'
}
