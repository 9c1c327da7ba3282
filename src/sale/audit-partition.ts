import { cartAsOf, leavesOrder } from '../engine/carts.js'
import type { FinalAnswer, Op, SkuCounts, StoredEvent, StoredReservation } from '../engine/engine.js'
import { partitionOf } from '../engine/reservation-id.js'
import { limitOf, sharedLimitOf, type Whose } from '../engine/rules.js'
import { label } from './labels.js'
import { partitionForBuyer } from './partitions.js'
import type { SaleRulesIndex } from './reserve-request.js'
import type { ReservationState, Violation } from './results.js'

/** The commands that an audit sends to one partition. */
export interface AuditSource {
  scan(op: Op<'scan'>): Promise<FinalAnswer<'scan'>>
  events(op: Op<'events'>): Promise<FinalAnswer<'events'>>
  get(id: string): Promise<StoredReservation | undefined>
}

/** The audited partition, and the incarnation of its sale. */
export interface AuditedPartition {
  readonly partition: number
  readonly incarnation: string
}

export interface PartitionAudit {
  readonly skus: readonly SkuCounts[]
  readonly reservations: number
  readonly violations: readonly Violation[]
}

const stateAfter: Partial<Record<StoredEvent['type'], ReservationState>> = {
  reserved: 'held',
  confirmed: 'confirmed',
  released: 'released',
  expired: 'expired',
  refunded: 'refunded',
  departed: 'transferred',
}

/**
 * Recounts one partition while it sells. The scan of the reservations takes many steps, and each
 * page shows a different moment. So the audit applies the events written meanwhile to the scanned
 * reservations, up to the event after which the last page's counts were taken. Then the recount and
 * the counts describe the same moment.
 *
 * @param since The partition's sequence number before the scan, or any earlier one.
 */
export async function auditPartition(
  source: AuditSource,
  since: number,
  book: SaleRulesIndex,
  audited?: AuditedPartition,
): Promise<PartitionAudit> {
  const seen = new Map<string, StoredReservation>()
  let cursor = '0'
  let page: Awaited<ReturnType<AuditSource['scan']>>
  do {
    page = await source.scan({ cursor })
    for (const reservation of page.reservations) seen.set(reservation.id, reservation)
    cursor = page.cursor
  } while (cursor !== '0')
  for (const [id, { event, state }] of await changesBetween(source, since, page.sequence)) {
    const reservation = seen.get(id) ?? (await source.get(id))
    if (!reservation) continue
    const cart = cartAsOf(event, reservation)
    seen.set(id, { ...reservation, cart, state: state ?? reservation.state })
  }
  const violations = [
    ...recount(page.skus, seen.values(), book),
    ...(['buyer', 'household'] as const).flatMap((whose) => [
      ...overLimit(seen.values(), book, whose),
      ...overSharedLimit(seen.values(), book, whose),
    ]),
    ...(audited ? misrouted(seen.values(), book, audited) : []),
  ]
  return { skus: page.skus, reservations: seen.size, violations }
}

/** The latest event of a reservation, and its state then if an event has told it. */
interface Change {
  readonly event: Extract<StoredEvent, { readonly id: string }>
  readonly state: ReservationState | undefined
}

/** The latest change up to event `until` of each reservation that changed after event `since`. */
async function changesBetween(
  source: AuditSource,
  since: number,
  until: number,
): Promise<Map<string, Change>> {
  const changed = new Map<string, Change>()
  let after = since
  while (after < until) {
    const { events } = await source.events({ after, reservations: false })
    if (events.length === 0) break
    for (const event of events) {
      after = event.sequence
      if (event.sequence > until) break
      if (!('id' in event)) continue
      const kept = event.type === 'transferred' || event.type === 'returned' ? event.state : undefined
      const told = kept ?? (leavesOrder(event) ? 'confirmed' : stateAfter[event.type])
      const state = told ?? changed.get(event.id)?.state
      changed.set(event.id, { event, state })
    }
  }
  return changed
}

function* recount(
  skus: readonly SkuCounts[],
  reservations: Iterable<StoredReservation>,
  book: SaleRulesIndex,
): Generator<Violation> {
  const held = skus.map(() => 0)
  const confirmed = skus.map(() => 0)
  for (const { state, cart } of reservations) {
    const units = state === 'held' ? held : state === 'confirmed' ? confirmed : undefined
    if (units) for (const [skuIndex, quantity] of cart) units[skuIndex]! += quantity
  }
  for (const [skuIndex, counts] of skus.entries()) {
    const name = label(book.sku(skuIndex))
    const sum = counts.available + counts.held + counts.confirmed + counts.inTransit
    if (sum !== counts.total) {
      yield { rule: 'conservation', message: `${name}: total is ${counts.total}, its parts add up to ${sum}` }
    }
    // `total` and `inTransit` of a single partition may be negative, see `SkuCounts` in records.ts.
    for (const part of ['available', 'held', 'confirmed'] as const) {
      if (counts[part] < 0) yield { rule: 'negative', message: `${name}: ${part} is ${counts[part]}` }
    }
    for (const [part, counted, found] of [
      ['held', counts.held, held[skuIndex]!],
      ['confirmed', counts.confirmed, confirmed[skuIndex]!],
    ] as const) {
      if (counted !== found) {
        yield { rule: 'recount', message: `${name}: ${part} is ${counted}, the reservations hold ${found}` }
      }
    }
  }
}

function* overLimit(
  reservations: Iterable<StoredReservation>,
  book: SaleRulesIndex,
  whose: Whose,
): Generator<Violation> {
  const taken = new Map<string, number>()
  for (const { [whose]: owner, state, cart } of reservations) {
    if (owner === undefined || (state !== 'held' && state !== 'confirmed')) continue
    for (const [skuIndex, quantity] of cart) {
      // Units that were right under an earlier limit stay.
      const limit = limitOf(book.rules.skus[skuIndex]!, whose, true)
      if (limit === null) continue
      const name = `${skuIndex} ${owner}`
      const units = (taken.get(name) ?? 0) + quantity
      taken.set(name, units)
      if (units > limit && units - quantity <= limit) {
        yield {
          rule: 'limit',
          message: `${label(book.sku(skuIndex))}: ${whose} ${label(owner)} has more than ${limit}`,
        }
      }
    }
  }
}

function* overSharedLimit(
  reservations: Iterable<StoredReservation>,
  book: SaleRulesIndex,
  whose: Whose,
): Generator<Violation> {
  // Units that were right under an earlier limit stay.
  const limits = (book.rules.limits ?? []).flatMap((one) => {
    const most = sharedLimitOf(one, whose, true)
    return most === null ? [] : [{ most, skus: new Set(one.skus), taken: new Map<string, number>() }]
  })
  for (const { [whose]: owner, state, cart } of reservations) {
    if (owner === undefined || (state !== 'held' && state !== 'confirmed')) continue
    for (const { most, skus, taken } of limits) {
      const quantity = cart.reduce((sum, line) => sum + (skus.has(line[0]) ? line[1] : 0), 0)
      const units = (taken.get(owner) ?? 0) + quantity
      taken.set(owner, units)
      if (units > most && units - quantity <= most) {
        const names = [...skus].slice(0, 10).map((one) => label(book.sku(one)))
        yield {
          rule: 'limit',
          message: `${names.join(' and ')}: ${whose} ${label(owner)} has more than ${most}`,
        }
      }
    }
  }
}

/**
 * Finds reservations outside the buyer's partition: a limit is enforced only within one partition.
 */
function* misrouted(
  reservations: Iterable<StoredReservation>,
  book: SaleRulesIndex,
  { partition, incarnation }: AuditedPartition,
): Generator<Violation> {
  for (const { id, buyer, household } of reservations) {
    const expected = partitionForBuyer(incarnation, buyer, book.rules.partitions, household)
    if (expected === partition && partitionOf(id) === partition) continue
    const owner = household === undefined ? `buyer ${label(buyer)}` : `household ${label(household)}`
    yield {
      rule: 'home',
      message: `${id} of ${owner} is in partition ${partition}, not in ${expected}`,
    }
  }
}
