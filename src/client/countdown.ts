import type { CallOptions } from './caller.js'
import { type Page, pause, stopwatch } from './page.js'

/** What `countdown` takes. */
export interface CountdownOptions extends CallOptions {
  /** Is told the ms that are left: at once, with each second, and 0 at the end. */
  onTick: (leftMs: number) => void
}

/**
 * Counts a span of the server down. The clock of the machine may be wrong, be set while it counts,
 * or stand still while the machine sleeps.
 */
export async function countdown(
  page: Page,
  spanMs: number,
  { onTick, signal }: CountdownOptions,
): Promise<void> {
  const elapsed = stopwatch(page)
  for (;;) {
    signal?.throwIfAborted()
    const leftMs = Math.max(0, spanMs - elapsed())
    onTick(leftMs)
    if (leftMs === 0) return
    await pause(page, leftMs % 1_000 || 1_000, signal, (end, options) => {
      page.document?.addEventListener('visibilitychange', end, options)
    })
  }
}
