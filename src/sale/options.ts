import type { Engine } from '../engine/engine.js'
import { invalid } from '../errors.js'
import { checkInteger, checkOptions, type Names } from '../validation.js'
import { type AdmissionGate, checkAdmissionGate } from './admission-gate.js'
import { isLedger, type Ledger } from './ledger.js'

/** Options of a `FlashSale`. */
export interface FlashSaleOptions {
  /** Where the sale is stored: `redisEngine(...)` or `memoryEngine()`. */
  engine: Engine
  /**
   * After how many ms a call is abandoned: it rejects with UNAVAILABLE if nothing was sent, else
   * with UNKNOWN_OUTCOME. @default 2_000
   */
  deadlineMs?: number | undefined
  /**
   * How many calls may be open on this handle at a time. A further call rejects with OVERLOADED at
   * once. @default 10_000
   */
  maxInFlight?: number | undefined
  /**
   * The `WaitingRoom` of this sale: a request without a valid pass of it is `pass_rejected`.
   * @default none
   */
  waitingRoom?: AdmissionGate | undefined
  /**
   * `ledger`: reserve, amend, confirm, transfer, release, extend, refund and restock return only
   * when the ledger has written the change; one transaction writes many changes. If the ledger has
   * not written it in time, the call rejects with UNKNOWN_OUTCOME: the change was made, and a call
   * with the same key (or id) returns the result once the ledger has caught up. @default what the
   * engine keeps
   */
  durability?: { ledger: Ledger } | undefined
}

const OPTIONS: Names<FlashSaleOptions> = {
  engine: true,
  deadlineMs: true,
  maxInFlight: true,
  waitingRoom: true,
  durability: true,
}
const DURABILITY: Names<NonNullable<FlashSaleOptions['durability']>> = { ledger: true }

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function checkFlashSaleOptions(options: FlashSaleOptions, id: string) {
  checkOptions(options, 'options', OPTIONS)
  const { engine, deadlineMs = 2_000, maxInFlight = 10_000, waitingRoom, durability } = options
  if (typeof engine?.partition !== 'function')
    throw invalid('engine', 'must be an engine: redisEngine(...) or memoryEngine()')
  const limits = {
    deadlineMs: checkInteger(deadlineMs, 'deadlineMs', 1, 3_600_000),
    maxInFlight: checkInteger(maxInFlight, 'maxInFlight', 1, 10_000_000),
  }
  const gate = waitingRoom === undefined ? undefined : checkAdmissionGate(waitingRoom, id)
  return { engine, limits, gate, ledger: ledgerOf(durability) }
}

function ledgerOf(durability: FlashSaleOptions['durability']): Ledger | undefined {
  if (durability === undefined) return undefined
  const { ledger } = checkOptions(durability, 'durability', DURABILITY)
  if (!isLedger(ledger)) throw invalid('durability.ledger', 'must be a ledger: postgresLedger(...)')
  return ledger
}
