import { isDeepStrictEqual } from 'node:util'
import { leavesOrder } from '../../src/engine/carts.js'
import type { Cart, ChangedCart, SkuCounts, StoredEvent, StoredReservation } from '../../src/engine/engine.js'
import { partitionIn } from '../../src/engine/reservation-id.js'
import { demand } from '../model/violation.js'

type Counts = { -readonly [K in keyof SkuCounts]: SkuCounts[K] }

interface Past {
  state: StoredReservation['state']
  expiresAt: number
  due: boolean
  /** Payments beside its own that must be refunded. */
  readonly further: Map<string, string>
  /** The keys of its refunds. */
  readonly refunds: Set<string>
  cart: Cart
  /** How often the cart was changed. */
  changes: number
}

const before = {
  confirmed: ['held', 'expired'],
  released: ['held'],
  expired: ['held'],
  extended: ['held'],
  // Of one that is over by a recovery only.
  amended: ['held', 'expired', 'released'],
  refunded: ['confirmed'],
  refund_due: ['expired', 'released'],
  paid: ['confirmed', 'refunded', 'expired', 'released'],
  departed: ['held', 'confirmed'],
  settled: ['transferred'],
  returned: ['transferred'],
} as const

/** The sale as its events tell it, from nothing: counts, states, expiries. */
export class History {
  readonly counts: Counts[]
  readonly reservations = new Map<string, Past>()
  sequence = 0
  /** Units that a recovery added to the sale, of all SKUs: sent once more than there were. */
  readonly granted: number[]
  /** By SKU: units that became its own as they came back, less those that it has lost so. */
  readonly redirected: number[]
  /** The events that follow are those of a recovery: a record that it ends sends no units. */
  recovers = false
  #at = 0
  /** SKUs whose last unit the last change took: their `sold_out` must come next. */
  #soldOut: number[] = []
  /** The SKU of a `redirected` that was the latest event. */
  #redirected: number | undefined

  constructor(stock: readonly number[]) {
    this.counts = stock.map((units) => ({
      total: units,
      available: units,
      held: 0,
      confirmed: 0,
      inTransit: 0,
    }))
    this.granted = stock.map(() => 0)
    this.redirected = stock.map(() => 0)
  }

  /** The units of all SKUs, of which some may be new. */
  begin(stock: readonly number[]): void {
    for (const units of stock.slice(this.counts.length)) {
      this.counts.push({ total: units, available: units, held: 0, confirmed: 0, inTransit: 0 })
      this.granted.push(0)
      this.redirected.push(0)
    }
  }

  /** @param cartOf What a reservation first asked for; the events do not repeat it. */
  add(event: StoredEvent, cartOf: (id: string) => StoredReservation['cart']): void {
    const told = () => `event ${JSON.stringify(event)}`
    demand(event.sequence === this.sequence + 1, 'events', () => `${told()} after ${this.sequence}`)
    demand(event.at >= this.#at, 'events', () => `${told()} is before ${this.#at}`)
    this.sequence = event.sequence
    this.#at = event.at
    if (event.type === 'sold_out') {
      // A late payment has taken the last unit of a SKU that its own return to.
      if (event.sku === this.#redirected && this.#soldOut.length === 0) {
        demand(this.counts[event.sku]!.available === 0, 'events', () => `${told()} was not due`)
        return
      }
      demand(this.#soldOut.shift() === event.sku, 'events', () => `${told()} was not due`)
      return
    }
    this.nothingDue(told)
    this.#redirected = event.type === 'redirected' ? event.sku : undefined
    if (event.type === 'updated') return
    if (event.type === 'restocked') {
      this.#move(event.sku, undefined, 'available', event.applied)
      this.counts[event.sku]!.total += event.applied
      if (event.applied < 0) this.#announce([[event.sku, -event.applied]])
    } else if (event.type === 'sent') {
      this.#send(event)
    } else if (event.type === 'received') {
      this.#move(event.sku, 'inTransit', 'available', event.quantity)
    } else if (event.type === 'moved') {
      this.#become(event.sku, event.to, event.applied)
      this.#announce([[event.sku, event.applied]])
    } else if (event.type === 'redirected') {
      this.#become(event.sku, event.to, event.quantity)
      this.redirected[event.sku]! -= event.quantity
      this.redirected[event.to]! += event.quantity
      demand(
        this.counts[event.sku]!.available >= 0,
        'events',
        () => `${told()} takes units that are not there`,
      )
    } else if (event.type === 'counted') {
      this.#count(event)
    } else if (event.type === 'debt_taken') {
      this.#owe(event.sku, -event.quantity)
      const counts = this.counts[event.sku]!
      counts.total -= event.quantity
      counts.available -= event.quantity
      this.#announce([[event.sku, event.quantity]])
      demand(counts.available >= 0, 'events', () => `${told()} takes units that are not there`)
    } else if ('id' in event) {
      this.#settle(event, cartOf(event.id), told)
    }
  }

  /** Available units of a SKU become units of another. */
  #become(from: number, to: number, quantity: number): void {
    for (const [sku, units] of [
      [from, -quantity],
      [to, quantity],
    ] as const) {
      this.#move(sku, undefined, 'available', units)
      this.counts[sku]!.total += units
    }
  }

  /** No `sold_out` is missing behind the last change. */
  nothingDue(told: () => string = () => 'the end'): void {
    demand(
      this.#soldOut.length === 0,
      'events',
      () => `no sold_out of SKU ${this.#soldOut[0]} before ${told()}`,
    )
  }

  #settle(event: Extract<StoredEvent, { id: string }>, first: Cart, told: () => string): void {
    const past = this.reservations.get(event.id)
    if (event.type === 'transferred') {
      demand(!past, 'events', () => `${told()} came twice`)
      this.#arrive(event, first)
      return
    }
    if (event.type === 'reserved') {
      demand(!past, 'events', () => `${told()} came twice`)
      const own = event.changed?.cart ?? first
      this.reservations.set(event.id, {
        state: 'held',
        expiresAt: event.expiresAt,
        due: false,
        further: new Map(),
        refunds: new Set(),
        cart: own,
        changes: event.changed?.count ?? 0,
      })
      this.#moveAll(own, 'available', 'held')
      this.#announce(own)
      return
    }
    if (event.type === 'refund_due' && event.further) {
      if (past) this.#sameCart(past, event, first, told)
      this.#further(event.further, event.reason, past, told)
      return
    }
    if (event.type === 'departed' && this.recovers) {
      this.#end(past, event, first)
      return
    }
    const allowed: readonly string[] = before[event.type]
    demand(
      past !== undefined && allowed.includes(past.state),
      'events',
      () => `${told()} after ${past?.state}`,
    )
    if (event.type === 'amended') {
      this.#amend(past, event, told)
      return
    }
    const cart = event.changed?.cart ?? first
    if (event.type === 'refunded' && event.part && !event.isLast) this.#takePart(past, event.part, told)
    this.#sameCart(past, event, first, told)
    demand(!past.due || event.type === 'paid', 'events', () => `${told()} after refund_due`)
    switch (event.type) {
      case 'departed':
        if (partitionIn(event.to) !== partitionIn(event.id)) this.#moveAll(cart, placeOf(past), 'inTransit')
        past.state = 'transferred'
        return
      case 'settled':
        return
      case 'returned':
        past.state = event.state
        past.expiresAt = event.expiresAt
        this.#moveAll(cart, 'inTransit', placeOf(past))
        return
      case 'paid':
        demand(past.state === event.state, 'events', () => `${told()} after ${past.state}`)
        return
      case 'extended':
        past.expiresAt = event.expiresAt
        return
      case 'refund_due':
        past.due = true
        return
      case 'confirmed':
        this.#moveAll(cart, past.state === 'held' ? 'held' : 'available', 'confirmed')
        if (past.state === 'expired') this.#announce(cart)
        break
      case 'refunded':
        this.#refund(past, event, cart)
        break
      default:
        this.#moveAll(cart, 'held', 'available')
    }
    past.state = leavesOrder(event) ? 'confirmed' : event.type
  }

  /** A recovery makes or ends the record that a transfer has left behind. */
  #end(past: Past | undefined, event: Extract<StoredEvent, { type: 'departed' }>, first: Cart): void {
    const nothing = { due: false, further: new Map(), refunds: new Set<string>() }
    const { cart, count } = event.changed ?? { cart: first, count: 0 }
    const record = past ?? { ...nothing, cart, changes: count, expiresAt: 0, state: 'expired' }
    if (record.state === 'held' || record.state === 'confirmed')
      this.#moveAll(record.cart, placeOf(record), 'available')
    record.state = 'transferred'
    this.reservations.set(event.id, record)
  }

  /** A reservation of another buyer, of this partition or another. */
  #arrive(event: Extract<StoredEvent, { type: 'transferred' }>, first: Cart): void {
    const { id, from, state, expiresAt, changed } = event
    const cart = changed?.cart ?? first
    const nothing = { due: false, further: new Map(), refunds: new Set<string>() }
    const arrived = { state, expiresAt, ...nothing, cart, changes: changed?.count ?? 0 }
    this.reservations.set(id, arrived)
    if (partitionIn(from) !== partitionIn(id)) this.#moveAll(cart, 'inTransit', placeOf(arrived))
  }

  /** One event for each payment, and only where there is an answer for the reservation's own. */
  #further(
    { paymentId, state }: { readonly paymentId: string; readonly state: string },
    reason: string,
    past: Past | undefined,
    told: () => string,
  ): void {
    const answered = past && (past.due || past.state === 'confirmed' || past.state === 'refunded')
    demand(answered === true && past?.state === state, 'events', () => `${told()} after ${past?.state}`)
    demand(!past!.further.has(paymentId), 'events', () => `${told()} came twice`)
    past!.further.set(paymentId, reason)
  }

  /** What is left of an order after a part was refunded. */
  #takePart(past: Past, part: Cart, told: () => string): void {
    const units = new Map(past.cart)
    for (const [sku, quantity] of part) units.set(sku, (units.get(sku) ?? 0) - quantity)
    const isPart = part.length > 0 && part.every(([, quantity]) => quantity > 0)
    demand(isPart && Math.min(...units.values()) >= 0, 'events', () => `${told()} of the cart ${past.cart}`)
    past.cart = [...units].filter(([, quantity]) => quantity > 0)
    demand(past.cart.length > 0, 'events', () => `${told()} leaves nothing`)
    past.changes++
  }

  #refund(past: Past, event: Extract<StoredEvent, { type: 'refunded' }>, cart: Cart): void {
    const { key, part, restock } = event
    if (key !== undefined) {
      demand(!past.refunds.has(key), 'events', () => `the refund ${key} came twice`)
      past.refunds.add(key)
    }
    const taken = part ?? cart
    const isAll = isDeepStrictEqual(taken, cart)
    demand(!event.isLast || isAll, 'events', () => `the refund ${key} leaves a part of ${cart}`)
    this.#moveAll(taken, 'confirmed', restock ? 'available' : undefined)
    if (!restock) for (const [sku, quantity] of taken) this.counts[sku]!.total -= quantity
  }

  #sameCart(
    past: Past,
    event: { readonly changed?: ChangedCart | undefined },
    first: Cart,
    told: () => string,
  ): void {
    const { cart, count } = event.changed ?? { cart: first, count: 0 }
    const same = isDeepStrictEqual(cart, past.cart) && count === past.changes
    demand(same, 'events', () => `${told()} of the cart ${past.cart}, changed ${past.changes} times`)
  }

  #amend(past: Past, event: Extract<StoredEvent, { type: 'amended' }>, told: () => string): void {
    const { before, changed } = event
    demand(isDeepStrictEqual(before, past.cart), 'events', () => `${told()} of the cart ${past.cart}`)
    demand(changed.count > past.changes, 'events', () => `${told()} after ${past.changes} changes`)
    if (past.state === 'held') {
      this.#moveAll(before, 'held', 'available')
      this.#moveAll(changed.cart, 'available', 'held')
      const units = (sku: number) => before.find(([own]) => own === sku)?.[1] ?? 0
      this.#announce(changed.cart.filter(([sku, quantity]) => quantity > units(sku)))
    }
    past.cart = changed.cart
    past.changes = changed.count
  }

  #send({ sku, quantity }: Extract<StoredEvent, { type: 'sent' }>): void {
    const counts = this.counts[sku]!
    const taken = Math.min(quantity, counts.available)
    counts.total += quantity - taken
    counts.available += quantity - taken
    this.granted[sku]! += quantity - taken
    this.#move(sku, 'available', 'inTransit', quantity)
    this.#announce([[sku, taken]])
  }

  /** Units that are added free the debt first; those that are lacking are added to it. */
  #count({ sku, change }: Extract<StoredEvent, { type: 'counted' }>): void {
    const { available, owed = 0 } = this.counts[sku]!
    const applied = change > 0 ? Math.max(0, change - owed) : Math.max(change, -available)
    this.#owe(sku, applied - change)
    const counts = this.counts[sku]!
    counts.available += applied
    counts.total += applied
    this.#announce([[sku, -applied]])
  }

  #owe(sku: number, more: number): void {
    const { owed = 0, ...rest } = this.counts[sku]!
    demand(owed + more >= 0, 'events', () => `of SKU ${sku} less is owed than nothing`)
    this.counts[sku] = owed + more > 0 ? { ...rest, owed: owed + more } : rest
  }

  #announce(taken: StoredReservation['cart']): void {
    for (const [sku, quantity] of taken)
      if (quantity > 0 && this.counts[sku]!.available === 0) this.#soldOut.push(sku)
  }

  #moveAll(cart: StoredReservation['cart'], from: Part, to: Part | undefined): void {
    for (const [sku, quantity] of cart) this.#move(sku, from, to, quantity)
  }

  #move(sku: number, from: Part | undefined, to: Part | undefined, quantity: number): void {
    const counts = this.counts[sku]!
    if (from) counts[from] -= quantity
    if (to) counts[to] += quantity
  }
}

type Part = 'available' | 'held' | 'confirmed' | 'inTransit'

function placeOf({ state }: Pick<Past, 'state'>): 'held' | 'confirmed' {
  return state === 'confirmed' ? 'confirmed' : 'held'
}
