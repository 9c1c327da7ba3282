import { NotReadyError, StockholdError, unavailable } from '../errors.js'
import { type Clock, processClock } from './clock.js'
import type { CommandMap, Final, Port } from './port.js'

const tuning = {
  /** How long an operator's question may take. ms */
  answerMs: 2_000,
}

/**
 * Asks a port one item, outside of any sale. It has no deadline: see {@link inTime}.
 *
 * @param signal Once it has aborted, what was not sent is not sent any more.
 * @returns The answer, and the server's time.
 */
export async function ask<M extends CommandMap<M>, C extends keyof M>(
  port: Port<M>,
  command: C,
  op: M[C]['op'],
  signal?: AbortSignal,
): Promise<{ readonly answer: Final<M[C]['answer']>; readonly now: number }> {
  const { answers, now } = await askEach(port, command, [op], signal)
  return { answer: answers[0]!, now }
}

/** Asks a port several items, as {@link ask}. */
export async function askEach<M extends CommandMap<M>, C extends keyof M>(
  port: Port<M>,
  command: C,
  ops: readonly M[C]['op'][],
  signal?: AbortSignal,
): Promise<{ readonly answers: readonly Final<M[C]['answer']>[]; readonly now: number }> {
  const call = { incarnation: null, deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
  for (;;) {
    await port.ready()
    signal?.throwIfAborted()
    try {
      const reply = await port.run(command, ops, call)
      if (reply.outcome !== 'done')
        throw new StockholdError('INCOMPATIBLE_VERSION', 'What is asked for is stored by another version.')
      return { answers: reply.answers as readonly Final<M[C]['answer']>[], now: reply.now }
    } catch (error) {
      if (!(error instanceof NotReadyError)) throw error
    }
  }
}

/**
 * Settles as the reading, which changes nothing, but after two seconds at the latest. What waits
 * for a connection then is given up: else all readings of an outage are sent when it is over.
 *
 * @param what `The list was`, for the message.
 * @throws {StockholdError} `UNAVAILABLE`: the server does not answer.
 */
export async function inTime<T>(
  what: string,
  port: Pick<Port<never>, 'lastError'>,
  read: (signal: AbortSignal) => Promise<T>,
  clock: Clock = processClock,
): Promise<T> {
  const given = new AbortController()
  let end: (() => void) | undefined
  const late = new Promise<never>((_, reject) => {
    const timer = clock.after(tuning.answerMs, () => {
      const cause = port.lastError?.() ?? new Error('The server did not answer.')
      given.abort()
      reject(unavailable(`${what} not read in time. Nothing was executed.`, cause))
    })
    end = () => timer.cancel()
  })
  return Promise.race([read(given.signal), late]).finally(end)
}
