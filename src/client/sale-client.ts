import type { Item } from '../sale/results.js'
import type { Answer } from './answers.js'
import { Caller, type CallOptions, type SaleClientOptions } from './caller.js'
import { type CountdownOptions, countdown } from './countdown.js'
import { PendingKey } from './keys.js'
import type { Page } from './page.js'
import { type WaitEnd, type WaitOptions, wait } from './wait.js'
import { type WatchOptions, watch } from './watch.js'

/** The cart of a call. */
export interface CartOptions extends CallOptions {
  items: readonly Item[]
}

/** What `reserve` takes. */
export interface ReserveOptions extends CartOptions {
  /**
   * Names one press of *Buy*.
   * @default made by the client, and the same until the outcome for this cart is known
   */
  key?: string | undefined
}

/** What `extend` takes. */
export interface ExtendOptions extends CallOptions {
  /** ms from now. @default the sale's `holdMs` */
  holdMs?: number | undefined
}

/** What `reservations` takes. */
export interface ListOptions extends CallOptions {
  /** The reservations of a page at most, 1 to 100. @default 20 */
  limit?: number | undefined
  /** Of the page before. @default the first page */
  cursor?: string | null | undefined
}

/**
 * A sale as a page in a browser uses it. Refusals are answers, whose `code` says why; a request
 * without an answer is sent again until it has one or its signal aborts.
 */
export interface SaleClient {
  /** Units, rules and state of the sale. */
  sale(options?: CallOptions): Promise<Answer<'sale'>>
  /**
   * Reads the sale now and then while the page is shown. Resolves when the sale has ended; rejects
   * when the signal aborts.
   */
  watch(options: WatchOptions): Promise<void>
  /** Joins the queue. A visitor who is in it keeps the position: a page does this when it loads. */
  join(options?: CallOptions): Promise<Answer<'join'>>
  /** Waits in the queue, until the buyer is admitted or no wait would help. */
  wait(options?: WaitOptions): Promise<WaitEnd>
  /** Gives up the position or the pass. */
  leave(options?: CallOptions): Promise<Answer<'leave'>>
  /** Holds the units of a cart. */
  reserve(options: ReserveOptions): Promise<Answer<'reserve'>>
  /** A page of the buyer's reservations, the latest first. */
  reservations(options?: ListOptions): Promise<Answer<'list'>>
  /** One reservation of the buyer. */
  reservation(id: string, options?: CallOptions): Promise<Answer<'read'>>
  /** Gives a hold another cart. */
  amend(id: string, options: CartOptions): Promise<Answer<'amend'>>
  /** Extends a hold. */
  extend(id: string, options?: ExtendOptions): Promise<Answer<'extend'>>
  /** Releases a hold. */
  release(id: string, options?: CallOptions): Promise<Answer<'release'>>
  /**
   * Counts down a span of the server's clock, such as `expiresInMs`. Resolves at its end; rejects
   * when the signal aborts.
   */
  countdown(spanMs: number, options: CountdownOptions): Promise<void>
}

/** The client of the routes of a sale, for pages of the same site. */
export function saleClient(options: SaleClientOptions = {}): SaleClient {
  return saleClientOn(globalThis as unknown as Page, options)
}

/** @param page In tests, what stands in for the browser. */
export function saleClientOn(page: Page, options: SaleClientOptions = {}): SaleClient {
  const caller = new Caller(page, options)
  const pending = new PendingKey(page, caller.url)
  const sale = (options: CallOptions = {}) => caller.call<'sale'>('GET', '/sale', options)
  return {
    sale,
    watch: (options) => watch(page, sale, options),
    join: (options) => caller.call<'join'>('POST', '/queue', options),
    wait: (options = {}) => wait(caller, options),
    leave: (options) => caller.call<'leave'>('DELETE', '/queue', options),
    reserve: async ({ items, key, signal }) => {
      const sent = key ?? pending.of(JSON.stringify(items))
      const answer = await caller.call<'reserve'>('POST', '/reservations', {
        body: { items },
        key: sent,
        signal,
      })
      if (answer.code !== 'INTERNAL') pending.forget(sent)
      return answer
    },
    reservations: ({ limit = 20, cursor, signal } = {}) => {
      const after = cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''
      return caller.call<'list'>('GET', `/reservations?limit=${limit}${after}`, { signal })
    },
    reservation: (id, options) => caller.call<'read'>('GET', pathOf(id), options),
    amend: (id, { items, signal }) => caller.call<'amend'>('PATCH', pathOf(id), { body: { items }, signal }),
    extend: (id, { holdMs, signal } = {}) =>
      caller.call<'extend'>('POST', `${pathOf(id)}/extension`, { body: { holdMs }, signal }),
    release: (id, options) => caller.call<'release'>('DELETE', pathOf(id), options),
    countdown: (spanMs, options) => countdown(page, spanMs, options),
  }
}

function pathOf(id: string): `/reservations/${string}` {
  return `/reservations/${encodeURIComponent(id)}`
}
