import { onAbort } from '../batching/abort.js'
import type { Clock, Timer } from '../engine/clock.js'
import type { PollResult } from './results.js'
import type { RoomPoller } from './room-poller.js'

const tuning = {
  /** A watcher asks at least this often, in ms: often enough to count as present at the door. */
  lookMs: 1_000,
}

export interface Watched {
  poll(signal: AbortSignal): Promise<PollResult>
  hasTurn(): boolean
}

/** Yields what `poll` answers whenever it says something new. */
export function pushUpdates(
  watched: Watched,
  keeper: RoomPoller,
  clock: Clock,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<PollResult, void, undefined> {
  const end = new AbortController()
  const stop = () => end.abort()
  async function* untilStopped(): AsyncGenerator<PollResult, void, undefined> {
    if (signal?.aborted || keeper.stopped) return
    const forget = signal && onAbort(signal, stop)
    const stopListening = keeper.listen(() => {
      if (keeper.stopped) stop()
    })
    try {
      yield* news(watched, keeper, clock, end.signal)
    } finally {
      forget?.()
      stopListening()
    }
  }
  const updates = untilStopped()
  return {
    next: () => updates.next(),
    // A generator in the middle of a wait would hear of it only after the next update, and hold the
    // place until then.
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
  keeper: RoomPoller,
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
    // Whoever takes the update may take a while, and the turn may come meanwhile.
    if (!(isNews && watched.hasTurn())) await changed(watched, keeper, clock, signal)
  }
}

/** What a visitor is told, without the forecasts that change all the time. */
function said(update: PollResult): string {
  return update.status === 'waiting' ? `${update.position} ${update.soldOutLikely}` : update.status
}

/**
 * Resolves when it is the visitor's turn, when the room opens or closes, and at the latest after a
 * while.
 */
function changed(watched: Watched, keeper: RoomPoller, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const closed = keeper.state?.closed
    let timer: Timer | undefined
    const done = () => {
      timer?.cancel()
      stopListening()
      forget()
      resolve()
    }
    const stopListening = keeper.listen(() => {
      if (watched.hasTurn() || keeper.state?.closed !== closed) done()
    })
    timer = clock.after(tuning.lookMs, done)
    const forget = onAbort(signal, done)
  })
}
