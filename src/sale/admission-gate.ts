import type { CallOptions } from '../batching/batcher-set.js'
import { invalid, StockholdError } from '../errors.js'
import type { ValidatedRequest } from './reserve-request.js'
import type { PassRefusal, ReserveResult } from './results.js'

/** The methods of a waiting room that a `FlashSale` uses. */
export interface AdmissionGate {
  /** The sale that the room belongs to; `null` if the room was not given one. */
  readonly sale: string | null
  /**
   * Admits a buyer who has a pass.
   *
   * @param limits The deadline, by the engine's clock, and the signal that ends the wait earlier.
   * @throws {StockholdError} `PASS_INVALID`, `PASS_EXPIRED`; `UNAVAILABLE` while the room cannot
   *   learn whether the pass was revoked.
   */
  enter(pass: unknown, buyer: string, limits: CallOptions): Promise<AdmittedPass>
}

/** A pass that the waiting room has accepted. */
export interface AdmittedPass {
  /**
   * The buyer has had a try, so the pass no longer counts against the stock. The pass stays valid.
   */
  spend(): void
}

const refusals: ReadonlyMap<string, PassRefusal> = new Map([
  ['PASS_INVALID', 'invalid'],
  ['PASS_EXPIRED', 'expired'],
])

/** Admits the buyer of a request by its pass, or returns the refusal. */
export async function admit(
  gate: AdmissionGate,
  { pass, buyer }: Pick<ValidatedRequest, 'pass' | 'buyer'>,
  limits: CallOptions,
): Promise<AdmittedPass | Extract<ReserveResult, { status: 'pass_rejected' }>> {
  if (pass === null) return { status: 'pass_rejected', reason: 'missing' }
  try {
    return await gate.enter(pass, buyer, limits)
  } catch (error) {
    const reason = error instanceof StockholdError ? refusals.get(error.code) : undefined
    if (reason === undefined) throw error
    return { status: 'pass_rejected', reason }
  }
}

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function checkAdmissionGate(room: AdmissionGate, sale: string): AdmissionGate {
  if (typeof room?.enter !== 'function') throw invalid('waitingRoom', 'must be a WaitingRoom')
  if (room.sale !== null && room.sale !== sale)
    throw invalid('waitingRoom', 'must be the room of this sale: it stands before another one')
  return room
}
