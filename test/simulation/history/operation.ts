import type { Answer, Call } from '../../model/call.js'

/** One execution of a request at the server, as far as it is known. */
export interface Execution {
  /** The server's time then. */
  readonly at: number
  /** Its place among all executions. Only a hint at what to try first; nothing is decided by it. */
  readonly order: number
  /** The id of the record that a transfer makes. */
  readonly makes?: string | undefined
}

export type Outcome =
  /** `execution`: the one that gave the answer, where the reply said when that was. */
  | { readonly kind: 'ok'; readonly answer: Answer; readonly execution?: Execution | undefined }
  /** For certain nothing was executed. */
  | { readonly kind: 'fail'; readonly code: string }
  /** It may have been executed at any time from its call on, or never. */
  | { readonly kind: 'unknown'; readonly code: string }

/**
 * A call and what came of it. `order` is real time without ties: whoever returned before another
 * was called, came first.
 */
export interface Operation {
  readonly process: string
  readonly call: Call
  readonly invoked: Stamp
  /** `undefined`: it never returned. */
  readonly returned: Stamp | undefined
  readonly outcome: Outcome
  /**
   * Further executions there may have been, for a request can be delivered several times.
   * `undefined`: nobody knows; then an unknown operation may have been executed once, at any time.
   */
  readonly silent: readonly Execution[] | undefined
}

export interface Stamp {
  readonly order: number
  /** For whoever reads it. */
  readonly ms: number
}
