import { onAbort } from '../batching/abort.js'
import { withDeadline } from '../batching/shared-wait.js'
import type { Clock } from '../engine/clock.js'
import type { PollResult } from './results.js'
import type { RoomPoller } from './room-poller.js'

const tuning = {
  /** The longest time between two polls of a watcher, in ms: short enough to count as present. */
  lookMs: 1_000,
}

export interface Watched {
  poll(signal: AbortSignal): Promise<PollResult>
  hasTurn(): boolean
}

/** Yields what `poll` answers whenever it has changed. */
export function pushUpdates(
  watched: Watched,
  poller: RoomPoller,
  clock: Clock,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<PollResult, void, undefined> {
  const end = new AbortController()
  const stop = () => end.abort()
  async function* untilStopped(): AsyncGenerator<PollResult, void, undefined> {
    if (signal?.aborted || poller.stopped) return
    const forget = signal && onAbort(signal, stop)
    const stopListening = poller.listen(() => {
      if (poller.stopped) stop()
    })
    try {
      yield* news(watched, poller, clock, end.signal)
    } finally {
      forget?.()
      stopListening()
    }
  }
  const updates = untilStopped()
  return {
    next: () => updates.next(),
    // A generator that waits would see this only after the next update, and the visitor would stay
    // present until then.
    return: () => {
      stop()
      return updates.return()
    },
    throw: (error) => {
      stop()
      return updates.throw(error)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

async function* news(
  watched: Watched,
  poller: RoomPoller,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<PollResult, void, undefined> {
  let last: PollResult | undefined
  while (!signal.aborted) {
    const update = await watched.poll(signal).catch((error) => {
      // The wait for the engine ends with the signal, and so do the updates.
      if (!signal.aborted) throw error
    })
    if (!update || signal.aborted) return
    const isNews = last === undefined || said(last) !== said(update)
    if (isNews) {
      last = update
      yield update
    }
    if (update.status === 'admitted' || (update.status === 'closed' && update.reason === 'ended')) return
    // The caller may take a while over an update, and the turn may come meanwhile.
    if (!(isNews && watched.hasTurn())) await changed(watched, poller, clock, signal)
  }
}

/**
 * The part of an answer that counts as a change: without the estimates, which change all the time.
 */
function said(update: PollResult): string {
  return update.status === 'waiting' ? `${update.position} ${update.soldOutLikely}` : update.status
}

/**
 * Resolves when the visitor has a turn, when the room opens or closes, and at the latest after
 * `lookMs`.
 */
function changed(watched: Watched, poller: RoomPoller, clock: Clock, signal: AbortSignal): Promise<void> {
  const closed = poller.state?.closed
  let stopListening = () => {}
  const change = new Promise<void>((resolve) => {
    stopListening = poller.listen(() => {
      if (watched.hasTurn() || poller.state?.closed !== closed) resolve()
    })
  })
  const look = { deadline: clock.now() + tuning.lookMs, signal }
  return withDeadline(change, look, clock, () => undefined)
    .catch(() => {})
    .finally(stopListening)
}
