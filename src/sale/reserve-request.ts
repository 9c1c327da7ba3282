import type { Cart, FinalAnswer, Line, Rules, StoredReservation } from '../engine/engine.js'
import { limitsHouseholds } from '../engine/rules.js'
import { invalid } from '../errors.js'
import {
  checkId,
  checkInteger,
  checkOptionalId,
  checkOptions,
  MAX_SPAN_MS,
  MAX_UNITS,
  type Names,
} from '../validation.js'
import { label } from './labels.js'
import type { Item, Reservation, ReserveResult } from './results.js'

/** Maximum of distinct SKUs in a cart: one command decides the whole cart. */
const MAX_LINES = 1_000

/** The request of `sale.reserve`. */
export interface ReserveRequest {
  /** Your own id of the buyer, 1 to 256 bytes. */
  buyer: string
  /**
   * The cart: all of it is reserved, or nothing. Lines of the same SKU are summed before any check.
   */
  items: readonly Item[]
  /**
   * Makes the request idempotent: every request with the same buyer and key gets the same
   * reservation, also if an answer was lost. The key remembers a reservation, not a refusal.
   */
  key?: string | undefined
  /**
   * How long the units are held, in ms, up to the sale's `maxHoldMs`. @default the sale's `holdMs`
   */
  holdMs?: number | undefined
  /**
   * Your own id of the buyer's household, 1 to 256 bytes: needed in a sale that was created with a
   * limit of households, and refused in any other. The first request of a buyer decides which
   * household it is, for the life of the sale.
   */
  household?: string | undefined
  /** The pass that the waiting room gave the buyer, if the sale has one. */
  pass?: string | undefined
}

/** A request of valid shape. It is not yet checked against the sale's rules. */
export interface ValidatedRequest {
  readonly buyer: string
  readonly household: string | null
  readonly key: string | null
  readonly holdMs: number | null
  readonly items: readonly Item[]
  readonly pass: string | null
}

const REQUEST: Names<ReserveRequest> = {
  buyer: true,
  items: true,
  key: true,
  holdMs: true,
  household: true,
  pass: true,
}
const ITEM: Names<Item> = { sku: true, quantity: true }
/** Most carts have one: its names are made once. */
const FIRST_ITEM = itemNames(0)

export function checkReserveRequest(given: ReserveRequest): ValidatedRequest {
  const request = checkOptions(given, 'request', REQUEST)
  return {
    buyer: checkId(request.buyer, 'buyer'),
    household: checkOptionalId(request.household, 'household'),
    key: checkOptionalId(request.key, 'key'),
    holdMs: request.holdMs === undefined ? null : checkInteger(request.holdMs, 'holdMs', 1, MAX_SPAN_MS),
    items: checkItems(request.items),
    pass: checkPass(request.pass),
  }
}

/** The lines of a cart. Whether the sale has their SKUs is not checked. */
export function checkItems(items: unknown): readonly Item[] {
  if (!Array.isArray(items) || items.length === 0)
    throw invalid('items', 'must be an array of at least one item')
  return items.length === 1 ? [checkItem(items[0], 0)] : Array.from(items, checkItem)
}

/** Checks only the type: the room decides whether the pass is valid. */
export function checkPass(value: unknown): string | null {
  if (value === undefined) return null
  if (typeof value !== 'string') throw invalid('pass', 'must be a string')
  return value
}

function checkItem(given: unknown, index: number): Item {
  const names = index === 0 ? FIRST_ITEM : itemNames(index)
  const item = checkOptions(given, names.item, ITEM)
  return {
    sku: checkId(item.sku, names.sku),
    quantity: checkInteger(item.quantity, names.quantity, 1, MAX_UNITS),
  }
}

/** For messages. */
function itemNames(index: number) {
  const item = `items[${index}]`
  return { item, sku: `${item}.sku`, quantity: `${item}.quantity` }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Closed = Extract<FinalAnswer<'reserve'>, { status: 'ended' | 'not_started' }>
/** How one partition, or all together, lack units. */
type SoldOut = Pick<
  Extract<FinalAnswer<'reserve'>, { status: 'sold_out' }>,
  'sku' | 'available' | 'mayReturn'
>
type LimitExceeded = Extract<FinalAnswer<'reserve'>, { status: 'limit_exceeded' }>

/** An engine's answer with the reservation in public form. */
export type Public<A> = A extends { readonly reservation: StoredReservation }
  ? Omit<A, 'reservation'> & { readonly reservation: Reservation }
  : A

/** The rules, indexed for lookups by the sale layer. */
export class SaleRulesIndex {
  readonly rules: Rules
  readonly revision: number
  /** The rules that the sale was created with. */
  readonly created: Rules
  /** Whether there is any limit: then all reservations of a buyer must be considered together. */
  readonly limited: boolean
  /** Whether every reservation is of a household: decided when the sale was created. */
  readonly hasHouseholds: boolean
  readonly #indices: ReadonlyMap<string, number>
  /** By SKU that others return to: these others. */
  readonly #returning = new Map<number, number[]>()
  #latestCart: Cart | undefined

  constructor(rules: Rules, revision = 0, created = rules) {
    this.rules = rules
    this.revision = revision
    this.created = created
    this.hasHouseholds = limitsHouseholds(created)
    this.limited =
      this.hasHouseholds || rules.limits !== undefined || rules.skus.some(({ limit }) => limit !== null)
    this.#indices = new Map(rules.skus.map(({ sku }, skuIndex) => [sku, skuIndex]))
    for (const [sku, { returnsTo: to }] of rules.skus.entries()) {
      if (to === undefined) continue
      const returning = this.#returning.get(to)
      if (returning) returning.push(sku)
      else this.#returning.set(to, [sku])
    }
  }

  /** Whether all SKUs are known. */
  knows(items: readonly { readonly sku: string }[]): boolean {
    if (items.length === 1) return this.#indices.has(items[0]!.sku)
    return items.every(({ sku }) => this.#indices.has(sku))
  }

  /** Whether the names of all SKUs in a cart are known: one may have been added since. */
  names(cart: Cart): boolean {
    return cart.at(-1)![0] < this.rules.skus.length
  }

  /** @throws INVALID_ARGUMENT for an unknown SKU. */
  place(sku: string, argument: string): number {
    const place = this.#indices.get(sku)
    if (place === undefined) throw invalid(argument, `names the unknown SKU ${label(sku)}`)
    return place
  }

  sku(place: number): string {
    return this.rules.skus[place]!.sku
  }

  /** Whether every SKU is sold without a pass. */
  needsNoPass(items: readonly { readonly sku: string }[]): boolean {
    return items.every(({ sku }) => {
      const place = this.#indices.get(sku)
      return place !== undefined && this.rules.skus[place]!.always === true
    })
  }

  /** Whether every buyer may buy the SKU. True of an unknown one: asking for it is an error. */
  isForCrowd(sku: string): boolean {
    const place = this.#indices.get(sku)
    return place === undefined || !(this.rules.skus[place]!.always || this.#returning.has(place))
  }

  /** The SKU that a SKU returns to, or those that return to it. */
  returnsOf(sku: number): readonly number[] {
    const { returnsTo } = this.rules.skus[sku]!
    return returnsTo === undefined ? (this.#returning.get(sku) ?? []) : [returnsTo]
  }

  /** The refusal `sold_out` in public form. */
  soldOut({ sku, available, mayReturn }: SoldOut): Extract<ReserveResult, { status: 'sold_out' }> {
    return { status: 'sold_out', sku: this.sku(sku), available, mayReturn }
  }

  /** A refusal for the time, in public form. */
  closed(answer: Closed): Extract<ReserveResult, { status: 'ended' | 'not_started' }> {
    const { sku, ...rest } = answer
    return sku === undefined ? rest : { ...rest, sku: this.sku(sku) }
  }

  /** The refusal `limit_exceeded` in public form. */
  limitExceeded<A extends LimitExceeded>({ sku, shared, ...rest }: A) {
    const named = { ...rest, sku: this.sku(sku) }
    return shared ? { ...named, skus: shared.map((one) => this.sku(one)) } : named
  }

  /**
   * Sums the lines of each SKU and sorts them, so that neither order nor splitting matters later.
   */
  cart(items: readonly Item[]): Cart {
    if (items.length === 1)
      return this.#cartOfOne(this.place(items[0]!.sku, 'items[0].sku'), items[0]!.quantity)
    const quantities = new Map<number, number>()
    for (const [index, { sku, quantity }] of items.entries()) {
      const place = this.place(sku, `items[${index}].sku`)
      quantities.set(place, (quantities.get(place) ?? 0) + quantity)
    }
    const cart: Line[] = [...quantities].sort(([a], [b]) => a - b)
    if (cart.length > MAX_LINES) throw invalid('items', `must name at most ${MAX_LINES} SKUs`)
    for (const [place, quantity] of cart) {
      if (quantity > MAX_UNITS)
        throw invalid('items', `must not ask for more than ${MAX_UNITS} of ${label(this.sku(place))}`)
    }
    return cart
  }

  /** At a launch most buyers ask for the same cart: they share it. */
  #cartOfOne(place: number, quantity: number): Cart {
    const known = this.#latestCart?.[0]
    if (known && known[0] === place && known[1] === quantity) return this.#latestCart!
    this.#latestCart = [[place, quantity]]
    return this.#latestCart
  }

  reservation(stored: StoredReservation): Reservation {
    const { id, buyer, household, cart, state, key, createdAt, expiresAt, paymentId } = stored
    const items: Item[] = new Array(cart.length)
    for (let i = 0; i < cart.length; i++) items[i] = { sku: this.sku(cart[i]![0]), quantity: cart[i]![1] }
    const reservation: Mutable<Reservation> = { id, buyer, items, state, key, createdAt, expiresAt }
    if (household !== undefined) reservation.household = household
    if (paymentId !== null) reservation.paymentId = paymentId
    return reservation
  }

  /** An answer in the form that the caller sees: its reservation, if any, in public form. */
  result<A extends object>(answer: A): Public<A> {
    if (!('reservation' in answer)) return answer as Public<A>
    const stored = answer.reservation as StoredReservation
    return { ...answer, reservation: this.reservation(stored) } as Public<A>
  }
}
