import type { Engine } from '../engine/engine.js'
import { invalid } from '../errors.js'
import type { FlashSale } from '../sale/flash-sale.js'
import { checkId, checkOptions, checkSignal, type Names, type SignalOption } from '../validation.js'
import type { AdmissionOptions } from './room-rules.js'

/** Options of a {@link WaitingRoom}. */
export interface WaitingRoomOptions extends AdmissionOptions {
  /** Where the room is stored: `redisEngine(...)` or `memoryEngine()`. */
  engine: Engine
  /**
   * Signs tickets and passes: at least 32 bytes. In a list, the first secret signs and all of them
   * verify.
   */
  secret: string | readonly string[]
  /**
   * The sale whose stock limits admission: no more passes than it can serve.
   * @default none: only the rate counts
   */
  sale?: FlashSale | string | undefined
  /**
   * What `poll` does while the engine is away. `hold`: it answers the same position again, with a
   * later next poll; `refuse`: it throws UNAVAILABLE. In both cases no visitor is admitted
   * meanwhile, and every visitor keeps their position.
   * @default 'hold'
   */
  onUnavailable?: 'hold' | 'refuse' | undefined
  /** The deadline of a call, in ms. @default 2_000 */
  deadlineMs?: number | undefined
  /**
   * The most joins that may be in flight on this handle. A further join fails with OVERLOADED at
   * once.
   * @default 100_000
   */
  maxInFlight?: number | undefined
}

const OPTIONS: Names<WaitingRoomOptions> = {
  engine: true,
  secret: true,
  ratePerSecond: true,
  burst: true,
  claimMs: true,
  passMs: true,
  sale: true,
  overcommit: true,
  maxActive: true,
  onUnavailable: true,
  deadlineMs: true,
  maxInFlight: true,
}

/**
 * Checks the names, the engine and `onUnavailable`. The other options are checked where they are
 * used.
 */
export function checkWaitingRoomOptions(options: WaitingRoomOptions): void {
  checkOptions(options, 'options', OPTIONS)
  const { engine, onUnavailable = 'hold' } = options
  if (typeof engine?.room !== 'function')
    throw invalid('engine', 'must be an engine: redisEngine(...) or memoryEngine()')
  if (onUnavailable !== 'hold' && onUnavailable !== 'refuse')
    throw invalid('onUnavailable', "must be 'hold' or 'refuse'")
}

/** Options of the methods that take a ticket. */
export interface TicketOptions extends SignalOption {
  /**
   * Whose ticket it must be: with the ticket of another buyer the call is `TICKET_INVALID`.
   * @default any buyer's
   */
  buyer?: string | undefined
}

/** Options of `transfer`. */
export interface TransferOptions extends TicketOptions {
  /** The buyer who gets the visit. */
  to: string
}

const TICKET: Names<TicketOptions> = { buyer: true, signal: true }
const TRANSFER: Names<TransferOptions> = { to: true, ...TICKET }

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function checkTicketOptions(options: TicketOptions) {
  return ticketOptions(checkOptions(options, 'options', TICKET))
}

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function checkTransferOptions(options: TransferOptions) {
  const given = checkOptions(options, 'options', TRANSFER)
  return { to: checkId(given.to, 'to'), ...ticketOptions(given) }
}

function ticketOptions({ buyer, signal }: { readonly [K in keyof TicketOptions]: unknown }) {
  return { buyer: buyer === undefined ? undefined : checkId(buyer, 'buyer'), signal: checkSignal(signal) }
}
