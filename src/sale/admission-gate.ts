import type { CallOptions } from '../batching/batcher-set.js'
import { invalid, StockholdError } from '../errors.js'
import type { ValidatedRequest } from './reserve-request.js'
import type { PassRefusal, ReserveResult } from './results.js'

/** What a `FlashSale` needs of the room before it. */
export interface AdmissionGate {
  /** The sale it stands before; `null` if it was not told. */
  readonly sale: string | null
  /**
   * Lets a buyer in by a pass.
   *
   * @param limits When it must have been said at the latest, by the engine's clock, and what ends
   *   the wait before.
   * @throws {StockholdError} `PASS_INVALID`, `PASS_EXPIRED`; `UNAVAILABLE` while nobody can say
   *   whether it was revoked.
   */
  enter(pass: unknown, buyer: string, limits: CallOptions): Promise<AdmittedPass>
}

/** A pass that the waiting room has accepted. */
export interface AdmittedPass {
  /** The buyer has had their try: the pass counts no more against the stock. Valid it stays. */
  spend(): void
}

const refusals: ReadonlyMap<string, PassRefusal> = new Map([
  ['PASS_INVALID', 'invalid'],
  ['PASS_EXPIRED', 'expired'],
])

/** Lets whoever orders in by their pass, or answers why not. */
export async function admit(
  door: AdmissionGate,
  { pass, buyer }: ValidatedRequest,
  limits: CallOptions,
): Promise<AdmittedPass | Extract<ReserveResult, { status: 'pass_rejected' }>> {
  if (pass === null) return { status: 'pass_rejected', reason: 'missing' }
  try {
    return await door.enter(pass, buyer, limits)
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
