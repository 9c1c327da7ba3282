/**
 * A buyer's number in the queue, from the moment they join until they leave, get another number, or
 * their pass has run out.
 */
export interface RankedVisitor {
  buyer: string
  visitId: number
  readonly number: number
  /**
   * The rank of a present visitor, plus TIER for each tier with a lower index; `null` if the
   * visitor is not present.
   */
  rank: number | null
  /** When the pass runs out; `null` for a visitor who waits. */
  expiresAt: number | null
  /** What the visitor was last given, or passed over for, since their latest poll. */
  offered: 'turn' | 'token' | null
  /** How many turns of this number have run out. */
  missed: number
}

/** The order of numbers as texts, in which Redis puts visitors of one time. */
export function byText(a: RankedVisitor, b: RankedVisitor): number {
  return String(a.number) < String(b.number) ? -1 : 1
}
