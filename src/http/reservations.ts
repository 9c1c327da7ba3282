import { parseItem } from 'structured-headers'
import { invalid, StockholdError } from '../errors.js'
import { contextOf, type FlashSale } from '../sale/flash-sale.js'
import { label } from '../sale/labels.js'
import type { Item, Reservation, ReserveResult } from '../sale/results.js'
import { checkInteger, checkOptions, MAX_SPAN_MS } from '../validation.js'
import type { Exchange, Reply } from './exchange.js'
import { type Found, findOwn, listOwn } from './own-reservations.js'
import { type ProblemCode, Refused } from './problems.js'
import { isAllowed } from './sale-view.js'
import { readToken } from './tokens.js'
import type { ReservationView } from './views.js'

const tuning = {
  /** Longest body, in bytes: a cart of 1,000 SKUs with usual names. */
  maxBytes: 64 * 1_024,
}

/** `POST /reservations` */
export async function reserve(exchange: Exchange): Promise<Reply<'reserve'>> {
  const { sale } = exchange.options
  const { buyer, household } = await exchange.buyer()
  const key = keyOf(exchange.header('idempotency-key'))
  const items = await cartOf(exchange, buyer)
  const pass = readToken(exchange, 'pass')
  const { client } = contextOf(sale)
  const { hasHouseholds } = client.known ?? (await client.learn(client.call()))
  if (hasHouseholds && household === undefined) throw new Refused('household_required')
  let result: ReserveResult
  try {
    const request = { buyer, items, key, pass }
    result = await sale.reserve(hasHouseholds ? { ...request, household } : request)
  } catch (error) {
    throw explained(error)
  }
  if (result.status !== 'reserved') throw refused(result, exchange)
  const { reservation, replayed } = result
  const location = ['location', `${exchange.incoming.base}/reservations/${reservation.id}`] as const
  return { status: replayed ? 200 : 201, body: viewOf(reservation, exchange), headers: [location] }
}

/** `GET /reservations` */
export async function list(exchange: Exchange): Promise<Reply<'list'>> {
  const { buyer } = await exchange.buyer()
  const asked = new URLSearchParams(exchange.incoming.query)
  const [limit, cursor] = [asked.get('limit'), asked.get('cursor')]
  const page = { limit: limit === null ? undefined : Number(limit), cursor: cursor ?? undefined }
  const found = await listOwn(page, buyer, exchange).catch((error) => {
    throw explained(error)
  })
  const reservations = found.map((reservation) => viewOf(reservation, exchange))
  const body = { now: exchange.now(), reservations, cursor: reservations.at(-1)?.id ?? null }
  return { status: 200, body }
}

/** `PATCH /reservations/:id` */
export async function amend(exchange: Exchange): Promise<Reply<'amend'>> {
  const { buyer } = await exchange.buyer()
  const id = idOf(exchange)
  const items = await cartOf(exchange, buyer)
  const pass = readToken(exchange, 'pass')
  const result = await exchange.options.sale.amend(id, { items, buyer, pass }).catch((error) => {
    throw explained(error)
  })
  if ('reservation' in result || result.status === 'not_found') return settled(result, 'amended', exchange)
  throw refused(result, exchange)
}

/** `GET /reservations/:id` */
export async function read(exchange: Exchange): Promise<Reply<'read'>> {
  const { buyer } = await exchange.buyer()
  const found = await findOwn(idOf(exchange), buyer, exchange)
  if (found === undefined) throw new Refused('not_found')
  return { status: 200, body: viewOf(found, exchange) }
}

/** `DELETE /reservations/:id` */
export async function release(exchange: Exchange): Promise<Reply<'release'>> {
  const { buyer } = await exchange.buyer()
  const result = await exchange.options.sale.release(idOf(exchange), { buyer })
  return settled(result, 'released', exchange)
}

/** `POST /reservations/:id/extension` */
export async function extend(exchange: Exchange): Promise<Reply<'extend'>> {
  const { sale } = exchange.options
  const { id } = await own(exchange)
  const holdMs = await holdOf(exchange, sale)
  return settled(await sale.extend(id, { holdMs }), 'extended', exchange)
}

type Settled =
  | { readonly status: 'not_found' }
  | { readonly status: ProblemCode | 'released' | 'extended' | 'amended'; readonly reservation: Reservation }

/** A reservation that another buyer made is `not_found`, as one that does not exist. */
async function own(exchange: Exchange): Promise<Reservation> {
  const { buyer } = await exchange.buyer()
  const found = await exchange.options.sale.get(idOf(exchange))
  if (found === undefined || found.buyer !== buyer) throw new Refused('not_found')
  return found
}

function settled(result: Settled, wanted: string, exchange: Exchange) {
  if (result.status === 'not_found') throw new Refused('not_found')
  const reservation = viewOf(result.reservation, exchange)
  if (result.status === wanted) return { status: 200, body: reservation } as const
  throw new Refused(result.status as ProblemCode, { members: { reservation } })
}

/** Ids are short. A longer one is no reason for a message about its length. */
function idOf({ id }: Exchange): string {
  if (!/^[\w-]{1,64}$/.test(id)) throw new Refused('not_found')
  return id
}

function viewOf(reservation: Found, exchange: Exchange): ReservationView {
  const { id, state, items, createdAt, expiresAt, shipments } = reservation
  const now = exchange.now(id)
  const expiresInMs = state === 'held' ? Math.max(0, expiresAt - now) : 0
  return { now, id, state, items, createdAt, expiresAt, expiresInMs, shipments }
}

const CART = { items: true } as const
const EXTENSION = { holdMs: true } as const

async function cartOf(exchange: Exchange, buyer: string): Promise<Item[]> {
  const { items } = readOptions(await exchange.json(tuning.maxBytes), CART)
  /** The shop is asked once about each SKU, however many lines name it. */
  const allowed = new Set<string>()
  for (const [index, item] of (Array.isArray(items) ? items : []).entries()) {
    const sku: unknown = (item as Partial<Item> | null)?.sku
    if (typeof sku !== 'string' || allowed.has(sku)) continue
    // A SKU that the buyer may not see is as unknown as one that does not exist.
    if (!(await isAllowed(sku, buyer, exchange)))
      throw explained(invalid(`items[${index}].sku`, `names the unknown SKU ${label(sku)}`))
    allowed.add(sku)
  }
  return items as Item[]
}

async function holdOf(exchange: Exchange, sale: FlashSale): Promise<number> {
  const { holdMs } = readOptions(await exchange.json(tuning.maxBytes), EXTENSION)
  try {
    return checkInteger(holdMs ?? contextOf(sale).client.known!.rules.holdMs, 'holdMs', 1, MAX_SPAN_MS)
  } catch (error) {
    throw explained(error)
  }
}

function readOptions<T extends object>(body: unknown, known: Readonly<Record<keyof T, true>>) {
  try {
    return checkOptions<T>(body, 'The body', known)
  } catch (error) {
    throw explained(error)
  }
}

/**
 * An error that the caller has caused, as a refusal. The message of INVALID_ARGUMENT is about what
 * the caller sent, so the caller may read it.
 */
function explained(error: unknown): unknown {
  if (!(error instanceof StockholdError)) return error
  if (error.code === 'IDEMPOTENCY_CONFLICT') return new Refused('IDEMPOTENCY_CONFLICT')
  return error.code === 'INVALID_ARGUMENT'
    ? new Refused('INVALID_ARGUMENT', { detail: error.message })
    : error
}

/**
 * The key of a request. By draft-ietf-httpapi-idempotency-key-header it is a string in quotes
 * (RFC 9651); a key without quotes, as most clients send it, is taken as it is.
 */
function keyOf(field: string | undefined): string {
  if (field === undefined || field === '') throw new Refused('key_required')
  if (!field.startsWith('"')) return field
  try {
    const [key] = parseItem(field)
    if (typeof key === 'string' && key !== '') return key
  } catch {}
  throw new Refused('malformed', { detail: 'Idempotency-Key must be a string in quotes.' })
}

function refused(result: Exclude<ReserveResult, { status: 'reserved' }>, exchange: Exchange): Refused {
  switch (result.status) {
    case 'not_started': {
      const { status: _, ...members } = result
      const { opensAt } = result
      const now = exchange.now()
      return new Refused('not_started', {
        retryAfterMs: Math.max(0, opensAt - now),
        members: { now, ...members },
      })
    }
    case 'key_spent': {
      const reservation = viewOf(result.reservation, exchange)
      return new Refused('key_spent', { members: { reservation } })
    }
    case 'household_conflict':
      return new Refused('household_conflict')
    default: {
      const { status, ...members } = result
      return new Refused(status, { members })
    }
  }
}
