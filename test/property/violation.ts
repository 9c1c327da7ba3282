/** Which kind of promise was broken; the mutants of `bites.test.ts` are told apart by it. */
export type ViolationKind =
  /** No order of the requests gives these answers by the rules of `reference.ts`. */
  | 'answer'
  /** Two engines answered differently. */
  | 'difference'
  /** Counts that do not add up, are negative, or are not what the reservations hold. */
  | 'conservation'
  /** More units are promised than there are. */
  | 'oversell'
  /** A buyer was promised more than the limit. */
  | 'limit'
  /** Something that was promised is no longer so. */
  | 'promise'
  /** The events do not tell what happened. */
  | 'events'
  /** `audit()` found something. */
  | 'audit'
  /** A call failed that must not fail. */
  | 'fault'

export class Violation extends Error {
  override readonly name = 'Violation'
  readonly kind: ViolationKind

  constructor(kind: ViolationKind, message: string, options?: { cause: unknown }) {
    super(`${kind}: ${message}`, options)
    this.kind = kind
  }
}

export function demand(holds: boolean, kind: ViolationKind, message: () => string): asserts holds {
  if (!holds) throw new Violation(kind, message())
}
