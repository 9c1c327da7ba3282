import type { RefundReason, Reservation, SaleRules, SkuCounts } from '../../src/index.js'

/** What a call answered, or `{ status: 'threw', code }`. Reservations bear names (r1, r2, ...) in place of their ids. */
export interface Answer {
  readonly status: string
  readonly reservation?: Reservation
  readonly [field: string]: unknown
}

export interface Cart {
  readonly sku: string
  readonly quantity: number
}

export interface ReserveCall {
  readonly buyer: string
  readonly items: readonly Cart[]
  readonly key?: string
  readonly holdMs?: number
}

interface Known {
  reservation: Reservation
  late: boolean
  due: RefundReason | null
}

const notFound: Answer = { status: 'not_found' }

/**
 * The rules of the shop as a reader of the design would write them down: a list of reservations and little else. It has no
 * counters and no index: what is available, held or taken is counted afresh from the list at every question, so it shares no
 * mistake with the engines. Reservation names are taken from the answer under test.
 */
export class Reference {
  readonly rules: SaleRules
  now: number
  #paused = false
  #ended = false
  #totals: Map<string, number>
  #known = new Map<string, Known>()
  #restocks = new Map<string, { sku: string; quantity: number; applied: number }>()

  constructor(rules: SaleRules, now: number) {
    this.rules = rules
    this.now = now
    this.#totals = new Map(Object.entries(rules.stock))
  }

  clone(): Reference {
    const copy = new Reference(this.rules, this.now)
    copy.#paused = this.#paused
    copy.#ended = this.#ended
    copy.#totals = new Map(this.#totals)
    copy.#known = new Map([...this.#known].map(([name, known]) => [name, { ...known }]))
    copy.#restocks = new Map(this.#restocks)
    return copy
  }

  create(sameRules: boolean): Answer {
    return sameRules ? { status: 'created', created: false } : { status: 'threw', code: 'RULES_CONFLICT' }
  }

  /** @param name What the reservation is called if one is made. */
  reserve(call: ReserveCall, name: string): Answer {
    const { buyer, key = null } = call
    if ((call.holdMs ?? 0) > this.rules.maxHoldMs!) return { status: 'threw', code: 'INVALID_ARGUMENT' }
    const items = summed(call.items)
    const earlier = key === null ? undefined : this.#all().find((r) => r.buyer === buyer && r.key === key)
    if (earlier) {
      if (JSON.stringify(earlier.items) !== JSON.stringify(items))
        return { status: 'threw', code: 'IDEMPOTENCY_CONFLICT' }
      return isActive(earlier)
        ? { status: 'reserved', reservation: earlier, replayed: true }
        : { status: 'key_spent', reservation: earlier }
    }
    const state = this.state()
    if (state === 'not_started') return { status: state, opensAt: Number(this.rules.opensAt) }
    if (state !== 'open') return { status: state }
    const refusal = this.#refusal(buyer, items)
    if (refusal) return refusal
    const expiresAt = this.now + (call.holdMs ?? this.rules.holdMs!)
    const reservation: Reservation = {
      id: this.#known.has(name) ? 'a new one' : name,
      ...{ buyer, items, state: 'held', key, createdAt: this.now, expiresAt },
    }
    this.#known.set(name, { reservation, late: false, due: null })
    return { status: 'reserved', reservation, replayed: false }
  }

  confirm(name: string, buyer?: string, paymentId?: string): Answer {
    const known = this.#find(name, buyer)
    if (!known) return notFound
    const { reservation } = known
    if (reservation.state === 'confirmed')
      return { status: 'confirmed', reservation, replayed: true, late: known.late }
    const reason = this.#whyNotConfirmed(known)
    const paid =
      paymentId === undefined || (reason && (known.due || reason === 'refunded')) ? {} : { paymentId }
    if (reason) {
      if (reason !== 'refunded') known.due = reason
      known.reservation = { ...reservation, ...paid }
      return { status: 'refund_due', reservation: known.reservation, reason }
    }
    known.late = reservation.state === 'expired'
    known.reservation = { ...reservation, ...paid, state: 'confirmed' }
    return { status: 'confirmed', reservation: known.reservation, replayed: false, late: known.late }
  }

  release(name: string, buyer?: string): Answer {
    const known = this.#find(name, buyer)
    if (!known) return notFound
    const { state } = known.reservation
    if (state === 'confirmed' || state === 'refunded')
      return { status: 'already_confirmed', reservation: known.reservation }
    if (state === 'expired') return { status: 'expired', reservation: known.reservation }
    known.reservation = { ...known.reservation, state: 'released' }
    return { status: 'released', reservation: known.reservation, replayed: state === 'released' }
  }

  extend(name: string, holdMs: number): Answer {
    const known = this.#find(name)
    if (!known) return notFound
    const { state, createdAt, expiresAt } = known.reservation
    if (state === 'released') return { status: 'already_released', reservation: known.reservation }
    if (state === 'expired') return { status: 'expired', reservation: known.reservation }
    if (state !== 'held') return { status: 'already_confirmed', reservation: known.reservation }
    const wanted = Math.min(this.now + holdMs, createdAt + this.rules.maxHoldMs!)
    known.reservation = { ...known.reservation, expiresAt: Math.max(expiresAt, wanted) }
    return { status: 'extended', reservation: known.reservation }
  }

  refund(name: string, restock: boolean): Answer {
    const known = this.#find(name)
    if (!known) return notFound
    const { state, items } = known.reservation
    if (state !== 'confirmed' && state !== 'refunded')
      return { status: 'not_confirmed', reservation: known.reservation }
    if (state === 'confirmed' && !restock) {
      for (const { sku, quantity } of items) this.#totals.set(sku, this.#totals.get(sku)! - quantity)
    }
    known.reservation = { ...known.reservation, state: 'refunded' }
    return { status: 'refunded', reservation: known.reservation, replayed: state === 'refunded' }
  }

  get(name: string): Answer {
    const known = this.#find(name)
    return known ? { status: 'found', reservation: known.reservation } : notFound
  }

  restock(sku: string, quantity: number, key: string): Answer {
    const earlier = this.#restocks.get(key)
    if (earlier) {
      return earlier.sku === sku && earlier.quantity === quantity
        ? { status: 'restocked', sku, applied: earlier.applied, replayed: true }
        : { status: 'threw', code: 'IDEMPOTENCY_CONFLICT' }
    }
    const applied = quantity > 0 ? quantity : 0 - Math.min(-quantity, this.counts(sku).available)
    this.#restocks.set(key, { sku, quantity, applied })
    this.#totals.set(sku, this.#totals.get(sku)! + applied)
    return { status: 'restocked', sku, applied, replayed: false }
  }

  control(action: 'pause' | 'resume' | 'end'): Answer {
    if (action === 'end') this.#ended = true
    else if (this.state() !== 'ended') this.#paused = action === 'pause'
    return { status: this.state() }
  }

  stats(): Answer {
    const skus = Object.fromEntries([...this.#totals.keys()].map((sku) => [sku, this.counts(sku)]))
    return { status: 'stats', state: this.state(), skus }
  }

  state(): 'not_started' | 'open' | 'paused' | 'ended' {
    const { opensAt, closesAt } = this.rules
    if (this.#ended || (closesAt !== undefined && this.now >= Number(closesAt))) return 'ended'
    if (opensAt !== undefined && this.now < Number(opensAt)) return 'not_started'
    return this.#paused ? 'paused' : 'open'
  }

  counts(sku: string): SkuCounts {
    const total = this.#totals.get(sku)!
    const held = this.#units(sku, (r) => r.state === 'held')
    const confirmed = this.#units(sku, (r) => r.state === 'confirmed')
    return { total, available: total - held - confirmed, held, confirmed, inTransit: 0 }
  }

  #refusal(buyer: string, items: readonly Cart[]): Answer | undefined {
    for (const { sku, quantity } of items) {
      const limit = this.#limit(sku)
      const taken = this.#units(sku, (r) => r.buyer === buyer && isActive(r))
      if (taken + quantity > limit) return { status: 'limit_exceeded', sku, limit, taken }
    }
    for (const { sku, quantity } of items) {
      const { available, held } = this.counts(sku)
      if (available < quantity) return { status: 'sold_out', sku, available, mayReturn: held > 0 }
    }
    return undefined
  }

  #whyNotConfirmed({ reservation: { state, buyer, items }, due }: Known): RefundReason | undefined {
    if (state === 'refunded') return 'refunded'
    if (state === 'held') return undefined
    if (due) return due
    if (state === 'released') return 'released'
    if (this.state() === 'ended') return 'ended'
    return this.#refusal(buyer, items)?.status as RefundReason | undefined
  }

  #limit(sku: string): number {
    const { limitPerBuyer = Number.POSITIVE_INFINITY } = this.rules
    if (typeof limitPerBuyer === 'number') return limitPerBuyer
    return limitPerBuyer[sku] ?? Number.POSITIVE_INFINITY
  }

  #units(sku: string, counts: (reservation: Reservation) => boolean): number {
    const carts = this.#all().filter(counts)
    const lines = carts.flatMap(({ items }) => items.filter((item) => item.sku === sku))
    return lines.reduce((sum, { quantity }) => sum + quantity, 0)
  }

  #find(name: string, buyer?: string): Known | undefined {
    this.#lapse()
    const known = this.#known.get(name)
    return buyer === undefined || known?.reservation.buyer === buyer ? known : undefined
  }

  #all(): Reservation[] {
    this.#lapse()
    return [...this.#known.values()].map(({ reservation }) => reservation)
  }

  #lapse(): void {
    for (const known of this.#known.values()) {
      const { state, expiresAt } = known.reservation
      if (state === 'held' && this.now >= expiresAt)
        known.reservation = { ...known.reservation, state: 'expired' }
    }
  }
}

function isActive({ state }: Reservation): boolean {
  return state === 'held' || state === 'confirmed'
}

function summed(items: readonly Cart[]): Cart[] {
  const skus = [...new Set(items.map(({ sku }) => sku))].sort()
  return skus.map((sku) => ({
    sku,
    quantity: items.filter((item) => item.sku === sku).reduce((sum, item) => sum + item.quantity, 0),
  }))
}
