import type { Engine } from '../engine/engine.js'
import { invalid } from '../errors.js'
import type { FlashSale } from '../sale/flash-sale.js'
import { checkOptions, type Names } from '../validation.js'
import type { AdmissionOptions } from './room-rules.js'

/** Options of a {@link WaitingRoom}. */
export interface WaitingRoomOptions extends AdmissionOptions {
  /** Where the room lives: `redisEngine(...)` or `memoryEngine()`. */
  engine: Engine
  /**
   * What tickets and passes are signed with: 32 bytes at least. Of several the first one signs, and
   * all are accepted.
   */
  secret: string | readonly string[]
  /**
   * The sale whose stock the door goes by: no more passes than it can serve. @default none: only
   * the rate counts
   */
  sale?: FlashSale | string | undefined
  /**
   * What `poll` does while the engine is away. `hold`: it tells the same position again, and to
   * come later; `refuse`: it throws UNAVAILABLE. Either way no visitor is admitted meanwhile, and
   * none loses their place.
   * @default 'hold'
   */
  onUnavailable?: 'hold' | 'refuse' | undefined
  /** When a call is given up at the latest, in ms. @default 2_000 */
  deadlineMs?: number | undefined
  /**
   * Joins that may be open on this handle at a time; one more is OVERLOADED at once. @default
   * 100_000
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
  onUnavailable: true,
  deadlineMs: true,
  maxInFlight: true,
}

/** Checks the names, the engine and `onUnavailable`; the rest is checked where it is used. */
export function checkWaitingRoomOptions(options: WaitingRoomOptions): void {
  checkOptions(options, 'options', OPTIONS)
  const { engine, onUnavailable = 'hold' } = options
  if (typeof engine?.room !== 'function')
    throw invalid('engine', 'must be an engine: redisEngine(...) or memoryEngine()')
  if (onUnavailable !== 'hold' && onUnavailable !== 'refuse')
    throw invalid('onUnavailable', "must be 'hold' or 'refuse'")
}
