/**
 * A buyer's place in line, from the moment they join until they leave, get another, or their pass
 * has run out.
 */
export interface RankedVisitor {
  readonly buyer: string
  readonly visitId: number
  readonly number: number
  /** By which rank they stand at the door; `null` if they do not. */
  rank: number | null
  /** When the pass runs out; `null` for who waits. */
  expiresAt: number | null
}
