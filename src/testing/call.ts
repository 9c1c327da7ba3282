import type { Item, Reservation } from '../sale/results.js'
import type { Step } from './story.js'

/** A call that a story makes, with the arguments of its caller. */
export type StoryCall =
  | {
      readonly do: 'reserve'
      readonly buyer: string
      readonly household?: string | undefined
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
  | {
      readonly do: 'amend'
      readonly id: string
      readonly buyer: string | null
      readonly items: readonly Item[]
    }
  | {
      readonly do: 'refund'
      readonly id: string
      readonly restock: boolean
      readonly key?: string | undefined
      /** A part of the order. */
      readonly items?: readonly Item[] | undefined
    }
  | {
      readonly do: 'transfer'
      readonly id: string
      readonly to: string
      /** The buyer who must have it. */
      readonly from: string | null
    }
  | Extract<Step, { readonly do: 'restock' | 'move' }>
  | (Extract<Step, { readonly do: 'setTotal' }> & { readonly countedAt: number | null })

/**
 * The result of a call; for a key that was used for another request `{ status: 'threw', code:
 * 'IDEMPOTENCY_CONFLICT' }`.
 */
export interface Answer {
  readonly status: string
  readonly reservation?: Reservation
  readonly [field: string]: unknown
}

/** For example `reserve(ann: 2 a + 1 b, key k1)`. */
export function describeCall(call: StoryCall): string {
  switch (call.do) {
    case 'reserve': {
      const cart = describeItems(call.items)
      const key = call.key === null ? '' : `, key ${call.key}`
      const buyer = call.household === undefined ? call.buyer : `${call.buyer} of ${call.household}`
      return `reserve(${buyer}: ${cart}${key}${call.holdMs === null ? '' : `, hold ${call.holdMs} ms`})`
    }
    case 'confirm':
      return `confirm(${call.id}${given(call.buyer)}${given(call.paymentId)})`
    case 'amend':
      return `amend(${call.id}: ${describeItems(call.items)}${given(call.buyer)})`
    case 'release':
      return `release(${call.id}${given(call.buyer)})`
    case 'refund':
      return `refund(${call.id}${partOf(call)}${call.restock ? ', restock' : ''})`
    case 'transfer':
      return `transfer(${call.id} to ${call.to}${call.from === null ? '' : `, from ${call.from}`})`
    case 'restock':
      return `restock(${call.quantity} ${call.sku}, key ${call.key})`
    case 'setTotal': {
      const at = call.countedAt === null ? '' : `, counted at ${call.countedAt}`
      return `setTotal(${call.total} ${call.sku}, key ${call.key}${at})`
    }
    case 'move':
      return `move(${call.quantity} from ${call.from} to ${call.to}, key ${call.key})`
  }
}

function partOf({ items, key }: Extract<StoryCall, { do: 'refund' }>): string {
  return `${items ? `: ${describeItems(items)}` : ''}${key === undefined ? '' : `, key ${key}`}`
}

function describeItems(items: readonly Item[]): string {
  return items.map(({ sku, quantity }) => `${quantity} ${sku}`).join(' + ')
}

function given(option: string | null): string {
  return option === null ? '' : `, ${option}`
}

/** A short description of an answer. */
export function describeAnswer({ status, reservation, ...rest }: Answer): string {
  const details = Object.entries(rest).map(([name, value]) => `${name} ${short(value)}`)
  if (reservation) {
    const { id, state, expiresAt, paymentId } = reservation
    const paid = paymentId === undefined ? '' : `, ${paymentId}`
    details.push(`${id} is ${state} until ${expiresAt}${paid}`)
  }
  return [status, ...details].join(', ')
}

function short(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/**
 * Ids are long and look alike, so printed stories call them r1, r2, ... in the order in which they
 * appear.
 */
export class ShortIds {
  readonly #names = new Map<string, string>()

  within(text: string): string {
    return text.replace(/\b1[\w-]{18}(?![\w-])/g, (id) => this.of(id))
  }

  of(id: string): string {
    const name = this.#names.get(id) ?? `r${this.#names.size + 1}`
    this.#names.set(id, name)
    return name
  }
}
