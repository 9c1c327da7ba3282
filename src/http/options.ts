import { guarded } from '../common/callback.js'
import { invalid } from '../errors.js'
import type { PostgresLedger } from '../postgres/ledger.js'
import { contextOf, FlashSale } from '../sale/flash-sale.js'
import { checkInteger, checkOptions, type Names } from '../validation.js'
import { WaitingRoom } from '../waiting-room/waiting-room.js'
import { errorLog } from './error-log.js'
import { type CookieOptions, checkCookies } from './tokens.js'

/** Who sends a request. A household, tier or guest whose name is empty or `null` is none. */
export interface Visitor {
  /** The shop's own id of the buyer, from its login: never a name that the browser sends. */
  buyer: string
  /** The shop's own id of the buyer's household, in a sale with a limit of households. */
  household?: string | undefined
  /** A tier of the waiting room. @default the last one */
  tier?: string | undefined
  /**
   * The buyer that `identify` named for this visitor before they logged in: `POST /queue` with the
   * ticket of that guest gives their place or pass to `buyer`. It comes from the shop's session,
   * never from the browser. @default none
   */
  guest?: string | undefined
}

/** What `allow` is asked. */
export interface AllowQuestion<R = Request> {
  /** `undefined`: the visitor is not logged in. */
  readonly buyer: string | undefined
  readonly sku: string
  readonly request: R
}

/** A payment that a provider reports. */
export interface ReportedPayment {
  reservationId: string
  /** The provider's id of the payment. */
  paymentId: string
}

/** How the provider's webhook is understood. */
export interface WebhookOptions {
  /**
   * Verifies the signature and returns the payment; `undefined` for an event that is no payment of
   * this sale. It throws if the signature is not right. The request has the body as it was sent.
   * See `standardWebhook` and `stripeWebhook`.
   */
  verify: (request: Request) => ReportedPayment | undefined | Promise<ReportedPayment | undefined>
}

/** Which pages of other origins may call the routes. */
export interface CorsOptions {
  /** Such as `https://www.shop.example`: scheme, host and port, without a path. */
  origins: readonly string[]
}

/** Bounds of the event streams of one process. */
export interface EventStreamOptions {
  /** Open streams at most; further ones are refused, and those visitors poll. @default 10_000 */
  maxStreams?: number | undefined
  /** ms between two comments that keep proxies from closing a quiet stream. @default 15_000 */
  heartbeatMs?: number | undefined
}

/**
 * Options of `saleRoutes`.
 *
 * @typeParam R What the framework calls a request: `identify` and `allow` are given it.
 */
export interface SaleRoutesOptions<R = Request> {
  sale: FlashSale
  /** The waiting room of the sale. Without it there is no queue. @default none */
  room?: WaitingRoom | undefined
  /**
   * Knows how orders were shipped, and the reservations of a sale that was removed.
   * @default none
   */
  ledger?: PostgresLedger | undefined
  /**
   * Says who sends a request, from the shop's login; `undefined` or an empty name: the shop knows
   * no buyer. If it throws or rejects, the request is answered 503 `UNAVAILABLE`, and the page
   * sends it again.
   */
  identify: (request: R) => Visitor | string | undefined | Promise<Visitor | string | undefined>
  /**
   * Whether a buyer may see and buy a SKU.
   * @default every SKU but those that are `always`, and those that others return to
   */
  allow?: ((question: AllowQuestion<R>) => boolean | Promise<boolean>) | undefined
  /** What stands before the paths of the routes: `/shop`. @default '' */
  basePath?: string | undefined
  /** Without it there is no `POST /payments`. @default none */
  webhook?: WebhookOptions | undefined
  /** @default none: only pages of the same origin */
  cors?: CorsOptions | undefined
  /** Of the ticket and the pass. @default Secure, SameSite=Lax, of this host only */
  cookies?: CookieOptions | undefined
  events?: EventStreamOptions | undefined
  /**
   * Is told every error that a visitor sees as a fault without its reason, and once a minute that a
   * webhook was rejected. A refusal (4xx) is no error.
   * @default writes up to 20 a minute to the standard error stream, and how many it left out;
   *   rejected webhooks are counted apart
   */
  onError?: ((error: unknown) => void) | undefined
}

const OPTIONS: Names<SaleRoutesOptions> = {
  sale: true,
  room: true,
  ledger: true,
  identify: true,
  allow: true,
  basePath: true,
  webhook: true,
  cors: true,
  cookies: true,
  events: true,
  onError: true,
}
const WEBHOOK: Names<WebhookOptions> = { verify: true }
const CORS: Names<CorsOptions> = { origins: true }
const EVENTS: Names<EventStreamOptions> = { maxStreams: true, heartbeatMs: true }

/** Options with their defaults. The request is whatever the framework calls one. */
export type Checked = ReturnType<typeof checkSaleRoutesOptions>

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function checkSaleRoutesOptions<R>(given: SaleRoutesOptions<R>) {
  const options = checkOptions(given, 'options', OPTIONS) as SaleRoutesOptions<R>
  const { sale, room, ledger, identify, allow, webhook, onError = errorLog() } = options
  if (!(sale instanceof FlashSale)) throw invalid('sale', 'must be a FlashSale')
  if (room !== undefined) checkRoom(room, sale)
  if (ledger !== undefined && typeof ledger?.reservationsOf !== 'function')
    throw invalid('ledger', 'must be a ledger: postgresLedger(...)')
  checkFunction(identify, 'identify')
  if (allow !== undefined) checkFunction(allow, 'allow')
  if (webhook !== undefined) checkFunction(checkOptions(webhook, 'webhook', WEBHOOK).verify, 'webhook.verify')
  checkFunction(onError, 'onError')
  return {
    sale,
    room,
    ledger,
    identify: identify as SaleRoutesOptions<unknown>['identify'],
    allow: allow as SaleRoutesOptions<unknown>['allow'],
    basePath: checkBasePath(options.basePath),
    verify: webhook?.verify,
    origins: checkOrigins(options.cors),
    cookies: checkCookies(options.cookies),
    events: checkEvents(options.events),
    onError: guarded(onError),
  }
}

/** A room whose passes the sale does not ask for would keep no visitor out. */
function checkRoom(room: unknown, sale: FlashSale): void {
  if (!(room instanceof WaitingRoom)) throw invalid('room', 'must be a WaitingRoom')
  const { gate } = contextOf(sale)
  if (gate === undefined)
    throw invalid('room', 'must be the waitingRoom of the sale: new FlashSale(id, { waitingRoom: room })')
  if (gate instanceof WaitingRoom && gate.id !== room.id)
    throw invalid('room', 'must be the waitingRoom of the sale, which has another one')
}

export function checkFunction(value: unknown, argument: string): void {
  if (typeof value !== 'function') throw invalid(argument, 'must be a function')
}

function checkBasePath(value: unknown = ''): string {
  if (typeof value !== 'string' || !/^(\/[\w.~-]+)*$/.test(value))
    throw invalid('basePath', "must be '' or a path such as '/shop', without a slash at its end")
  return value
}

function checkOrigins(value: unknown): ReadonlySet<string> {
  if (value === undefined) return new Set()
  const { origins } = checkOptions(value, 'cors', CORS)
  if (!Array.isArray(origins)) throw invalid('cors.origins', 'must be an array of origins')
  for (const origin of origins)
    if (typeof origin !== 'string' || !URL.canParse(origin) || new URL(origin).origin !== origin)
      throw invalid('cors.origins', "must be origins such as 'https://www.shop.example', without a path")
  return new Set(origins)
}

function checkEvents(value: unknown = {}) {
  const { maxStreams = 10_000, heartbeatMs = 15_000 } = checkOptions(value, 'events', EVENTS)
  return {
    maxStreams: checkInteger(maxStreams, 'events.maxStreams', 0, 1_000_000),
    heartbeatMs: checkInteger(heartbeatMs, 'events.heartbeatMs', 10, 3_600_000),
  }
}
