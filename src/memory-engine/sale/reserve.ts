import { firstCart, isSameCart, LOOKED_AT, NAMED } from '../../engine/carts.js'
import type { Answer, Cart, Op, StoredReservation } from '../../engine/engine.js'
import { outsideTimes } from '../../engine/rules.js'
import type { Entry } from './entry.js'
import type { Exceeded } from './limited-units.js'
import { type PartitionState, retry, type Step } from './partition-state.js'
import { movedOf } from './transferred-reservations.js'

export function reserve(
  state: PartitionState,
  op: Op<'reserve'>,
  { overdue, bypassFreeze }: Step,
): Answer<'reserve'> {
  if (!state.stock.knows(op.cart)) return retry
  return (
    repeated(state, op, overdue) ??
    (overdue ? retry : ((bypassFreeze ? undefined : refused(state, op)) ?? lacks(state, op, bypassFreeze))) ??
    held(state, op)
  )
}

/** The answer to a repeated request: the same request again, or the same key. */
function repeated(state: PartitionState, op: Op<'reserve'>, overdue: boolean): Answer<'reserve'> | undefined {
  const same = state.find(op.id)
  if (same?.moved) return movedOf(same.moved)
  if (same && !overdue) same.earlier ??= op.earlier ?? null
  if (same) return { status: 'reserved', reservation: same.reservation, replayed: false }
  const made = op.key === null ? undefined : state.findByKey(op.buyer, op.key)
  if (!made) return undefined
  const { reservation } = made
  if (!isSameCart(firstCart(reservation), firstCart(op))) return { status: 'conflict', id: reservation.id }
  if (made.moved) return movedOf(made.moved)
  const active = reservation.state === 'held' || reservation.state === 'confirmed'
  return active ? { status: 'reserved', reservation, replayed: true } : { status: 'key_spent', reservation }
}

function refused(
  state: PartitionState,
  { cart, holdMs, pass }: Op<'reserve'>,
): Answer<'reserve'> | undefined {
  const { maxHoldMs, skus } = state.rules
  if ((holdMs ?? 0) > maxHoldMs) return { status: 'hold_too_long', maxHoldMs }
  const needsPass = pass === false && cart.some(([sku]) => !skus[sku]!.always)
  return closed(state, cart) ?? (needsPass ? { status: 'needs_pass' } : undefined)
}

/** Why none of these units can be taken at this time. */
export function closed(
  state: PartitionState,
  units: Cart,
): Extract<Answer<'reserve'>, { status: 'ended' | 'paused' | 'not_started' }> | undefined {
  const sale = state.saleState()
  if (sale === 'not_started') return { status: sale, opensAt: state.rules.opensAt! }
  if (sale !== 'open') return { status: sale }
  for (const [sku] of units) {
    const outside = outsideTimes(state.rules.skus[sku]!, state.now)
    if (outside) return { ...outside, sku }
  }
  return undefined
}

function lacks(
  state: PartitionState,
  op: Op<'reserve'>,
  bypassFreeze: boolean,
): Answer<'reserve'> | undefined {
  const { buyer, cart } = op
  const over = state.stock.overLimit(op, cart, bypassFreeze)
  if (over) return limitExceeded(state, buyer, cart, over)
  const sku = state.stock.lacking(cart)
  if (sku === undefined) return undefined
  return { status: 'sold_out', sku, ...whatIsLeft(state, sku) }
}

/** The units of a SKU that are available, and whether more may come back to it. */
export function whatIsLeft(
  { stock, rules }: PartitionState,
  sku: number,
): { readonly available: number; readonly mayReturn: boolean } {
  const { available, held } = stock.of(sku)
  const stays = rules.skus[sku]!.returnsTo === undefined
  return { available, mayReturn: stays && held > Math.max(0, stock.owed(sku)) }
}

function held(state: PartitionState, op: Op<'reserve'>): Answer<'reserve'> {
  if (op.origin) state.transfers.arrived = true
  return { status: 'reserved', reservation: state.hold(op).reservation, replayed: false }
}

/** @param except A reservation that is not in the way. */
export function limitExceeded(
  state: PartitionState,
  buyer: string,
  cart: Cart,
  { shared, ...over }: Exceeded,
  except?: StoredReservation,
): Extract<Answer<'reserve'>, { status: 'limit_exceeded' }> {
  const reservations = state
    .ofBuyer(buyer)
    .slice(-LOOKED_AT)
    .filter(({ reservation, moved }) => reservation !== except && countsFor(reservation, moved))
    .map(({ reservation }) => reservation)
    .filter((one) => one.cart.some(([sku]) => shared?.has(sku) ?? sku === over.sku))
    .reverse()
    .slice(0, NAMED)
  const found = { status: 'limit_exceeded', ...over, reservations: reservations.map(({ id }) => id) } as const
  if (!shared) return found
  const named = [cart, ...reservations.map((one) => one.cart)].flatMap((lines) => lines.map(([sku]) => sku))
  const counted = [...new Set(named)].filter((sku) => shared.has(sku)).sort((a, b) => a - b)
  return { ...found, shared: counted }
}

/** A reservation that is on its way still counts for the sender. */
function countsFor({ state }: StoredReservation, moved: Entry['moved']): boolean {
  return state === 'held' || state === 'confirmed' || moved?.settled === false
}
