/** Which kind of promise was broken. */
export type ViolationKind =
  /** No order of the operations explains every answer. */
  | 'history'
  /** Counts that do not add up, are negative, or are not what the reservations hold. */
  | 'conservation'
  /** A buyer holds more than the limit. */
  | 'limit'
  /** Something that was acknowledged is gone, or is no longer so. */
  | 'promise'
  /** A call was not settled by its deadline and a second. */
  | 'deadline'
  /** After the faults, something that should go on does not. */
  | 'liveness'
  /** Somebody was told that nothing is left, while something was. */
  | 'supply'
  /** A handle's memory answered what it must not. */
  | 'memory'
  /** Somebody lost their place in line, or has two. */
  | 'place'
  /** Somebody was passed over who came first. */
  | 'order'
  /** Somebody was let in who must not be, or shut out. */
  | 'admission'
  /** A call failed in a way that is no fault of the network. */
  | 'fault'

export class SimulationViolation extends Error {
  override readonly name = 'SimulationViolation'
  readonly kind: ViolationKind

  constructor(kind: ViolationKind, message: string, options?: { cause: unknown }) {
    super(message, options)
    this.kind = kind
  }
}

export function demand(holds: boolean, kind: ViolationKind, message: () => string): asserts holds {
  if (!holds) throw new SimulationViolation(kind, message())
}
