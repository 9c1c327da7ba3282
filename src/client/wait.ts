import type { AdmittedView, ClosedView, WaitingView } from '../http/views.js'
import type { Answer } from './answers.js'
import type { Caller, CallOptions } from './caller.js'
import { QueueEvents } from './queue-events.js'

/** What `wait` takes. */
export interface WaitOptions extends CallOptions {
  /** Is told the visitor's position whenever it changes. */
  onUpdate?: ((view: WaitingView) => void) | undefined
}

/**
 * How a wait ends. `admitted`: the browser has the pass. `closed`: everything is sold, or the sale
 * has ended. `code: 'TICKET_INVALID'`: the visitor is not in the queue, or no longer.
 */
export type WaitEnd =
  | ((AdmittedView | ClosedView) & { readonly code?: undefined })
  | Extract<Answer<'poll'>, { readonly type: string }>

const tuning = {
  /** A stream that says nothing for this time, in ms, is held back by a proxy. */
  firstEventMs: 3_000,
}

/** Waits until the end, and leaves neither a stream nor a timer behind. */
export async function wait(caller: Caller, { onUpdate, signal }: WaitOptions): Promise<WaitEnd> {
  signal?.throwIfAborted()
  const over = new AbortController()
  const abort = () => over.abort(signal?.reason)
  signal?.addEventListener('abort', abort)
  const { page, url } = caller
  const events = new QueueEvents(page, url, over.signal)
  try {
    let retryAfterMs = page.EventSource ? tuning.firstEventMs : 0
    for (;;) {
      const event = await events.next(retryAfterMs, over.signal)
      const isTold = event?.status === 'waiting' || event?.status === 'closed'
      // Only a poll gives the pass, and takes a ticket away that is of no use any more.
      const view: Answer<'poll'> = isTold
        ? event
        : await caller.call<'poll'>('GET', '/queue', { signal: over.signal })
      if (!event && !view.code) events.tell(view)
      if (view.code || view.status !== 'waiting') return view
      onUpdate?.(view)
      retryAfterMs = view.retryAfterMs
    }
  } finally {
    over.abort()
    signal?.removeEventListener('abort', abort)
  }
}
