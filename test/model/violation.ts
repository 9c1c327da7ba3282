/** Which kind of rule was broken. An injected bug is told from another by it. */
export type ViolationKind =
  /** By the rules of the sale, no order of the requests gives these answers at once. */
  | 'answer'
  /** By the rules of the sale, no order of all operations of a run explains every answer. */
  | 'history'
  /** Two engines answered differently. */
  | 'difference'
  /** Counts do not add up, are negative, or are not what the reservations hold. */
  | 'conservation'
  /** More units are promised than there are. */
  | 'oversell'
  /** A buyer holds, or was promised, more than the limit. */
  | 'limit'
  /** Something that was acknowledged is gone, or is no longer so. */
  | 'promise'
  /** The events do not tell what happened. */
  | 'events'
  /** A partition counts more entries of its keys than there are, or fewer. */
  | 'entries'
  /** `audit()` found something. */
  | 'audit'
  /** A call was not settled by its deadline and a second. */
  | 'deadline'
  /** After the faults, something that should go on does not. */
  | 'liveness'
  /** A buyer was told that nothing is left, while something was. */
  | 'supply'
  /** A handle's memory answered what it must not. */
  | 'memory'
  /** A visitor lost the place in the queue, or has two. */
  | 'place'
  /** A visitor was passed over by one who came later. */
  | 'order'
  /** A visitor was admitted who must not be, or was shut out. */
  | 'admission'
  /** A call failed that must not fail. */
  | 'fault'

export class Violation extends Error {
  override readonly name = 'Violation'
  readonly kind: ViolationKind

  constructor(kind: ViolationKind, message: string, options?: { cause: unknown }) {
    super(`${kind}: ${message}`, options)
    this.kind = kind
  }

  /** What a check threw; an error that is no violation is a `fault`. */
  static of(error: unknown, context = ''): Violation {
    return error instanceof Violation ? error : new Violation('fault', `${context}${error}`, { cause: error })
  }
}

export function demand(holds: boolean, kind: ViolationKind, message: () => string): asserts holds {
  if (!holds) throw new Violation(kind, message())
}
