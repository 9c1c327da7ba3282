import type { ViolationKind } from '../model/violation.js'
import type { Alteration } from '../support/altered-scripts.js'

/** A bug injected into the scripts, and what it breaks. */
export interface Mutant {
  readonly name: string
  readonly alterations: readonly Alteration[]
  /** What the properties may find first. */
  readonly breaks: readonly ViolationKind[]
  /** Reads the stock ahead of the script, in a call of its own. */
  readonly readsBefore?: boolean
}

/** The script without a piece of it. */
export const without = (find: string): Alteration => ({ find, replace: '' })
