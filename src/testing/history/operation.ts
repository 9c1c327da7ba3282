import type { Item, Reservation } from '../../sale/results.js'

/** A call of the public surface, in the terms of whoever made it. */
export type Call =
  | {
      readonly do: 'reserve'
      readonly buyer: string
      readonly items: readonly Item[]
      readonly key: string | null
      readonly holdMs: number | null
    }
  | {
      readonly do: 'confirm'
      readonly id: string
      readonly buyer: string | null
      readonly paymentId: string | null
    }
  | { readonly do: 'release'; readonly id: string; readonly buyer: string | null }
  | { readonly do: 'extend'; readonly id: string; readonly holdMs: number }
  | { readonly do: 'refund'; readonly id: string; readonly restock: boolean }
  | { readonly do: 'get'; readonly id: string }
  | { readonly do: 'restock'; readonly sku: string; readonly quantity: number; readonly key: string }
  | { readonly do: 'control'; readonly action: 'pause' | 'resume' | 'end' }
  | { readonly do: 'stats' }

/** What a call answered; for a key that was used for something else `{ status: 'threw', code: 'IDEMPOTENCY_CONFLICT' }`. */
export interface Answer {
  readonly status: string
  readonly reservation?: Reservation
  readonly [field: string]: unknown
}

/** One execution of a request at the server, as far as it is known. */
export interface Execution {
  /** The server's time then. */
  readonly at: number
  /** Its place among all executions. Only a hint at what to try first; nothing is decided by it. */
  readonly order: number
}

export type Outcome =
  /** `execution`: the one that gave the answer, where the reply said when that was. */
  | { readonly kind: 'ok'; readonly answer: Answer; readonly execution?: Execution | undefined }
  /** For certain nothing was executed. */
  | { readonly kind: 'fail'; readonly code: string }
  /** It may have been executed at any time from its call on, or never. */
  | { readonly kind: 'unknown'; readonly code: string }

/** A call and what came of it. `order` is real time without ties: whoever returned before another was called, came first. */
export interface Operation {
  readonly process: string
  readonly call: Call
  readonly invoked: Stamp
  /** `undefined`: it never returned. */
  readonly returned: Stamp | undefined
  readonly outcome: Outcome
  /**
   * Further executions there may have been, for a request can be delivered several times. `undefined`: nobody knows; then an
   * unknown operation may have been executed once, at any time.
   */
  readonly silent: readonly Execution[] | undefined
}

export interface Stamp {
  readonly order: number
  /** For whoever reads it. */
  readonly ms: number
}

/** For example `reserve(ann: 2 a + 1 b, key k1)`. */
export function describeCall(call: Call): string {
  switch (call.do) {
    case 'reserve': {
      const cart = call.items.map(({ sku, quantity }) => `${quantity} ${sku}`).join(' + ')
      const key = call.key === null ? '' : `, key ${call.key}`
      return `reserve(${call.buyer}: ${cart}${key}${call.holdMs === null ? '' : `, hold ${call.holdMs} ms`})`
    }
    case 'confirm':
      return `confirm(${call.id}${given(call.buyer)}${given(call.paymentId)})`
    case 'release':
      return `release(${call.id}${given(call.buyer)})`
    case 'extend':
      return `extend(${call.id}, ${call.holdMs} ms)`
    case 'refund':
      return `refund(${call.id}${call.restock ? ', restock' : ''})`
    case 'get':
      return `get(${call.id})`
    case 'restock':
      return `restock(${call.quantity} ${call.sku}, key ${call.key})`
    case 'control':
      return `${call.action}()`
    case 'stats':
      return 'stats()'
  }
}

function given(option: string | null): string {
  return option === null ? '' : `, ${option}`
}
