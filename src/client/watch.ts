import type { SaleView } from '../http/views.js'
import type { Answer } from './answers.js'
import type { CallOptions } from './caller.js'
import { type Page, pause } from './page.js'

/** What `watch` takes. */
export interface WatchOptions extends CallOptions {
  /** Is told the sale whenever it was read. */
  onSale: (sale: SaleView) => void
  /** ms between two reads, or up to a quarter more. @default 5_000 */
  everyMs?: number | undefined
}

/** Reads the sale now and then. A hidden page does not read. */
export async function watch(
  page: Page,
  read: (options: CallOptions) => Promise<Answer<'sale'>>,
  { onSale, everyMs = 5_000, signal }: WatchOptions,
): Promise<void> {
  for (;;) {
    const sale = await read({ signal })
    if (!sale.code) {
      onSale(sale)
      if (sale.state === 'ended') return
    }
    do
      await pause(page, everyMs * (1 + Math.random() / 4), signal, (end, options) => {
        page.document?.addEventListener('visibilitychange', end, options)
      })
    while (page.document?.hidden)
  }
}
