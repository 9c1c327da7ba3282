import type { Port, Retry } from './port.js'

/**
 * What the processes of a prefix tell each other. No call that sells asks it, and no sale depends
 * on it: what is lost here is told again with the next beats.
 *
 * Processes of other versions read and write the same: what a text contains may differ, and the
 * reader passes over what it does not know.
 */
export interface HeartbeatCommands {
  /**
   * Notes that a process lives, and its figures, in place of those of its last beat. Forgets some
   * processes that were seen {@link FORGOTTEN_MS} ago or earlier.
   *
   * `too_large`: the text has more than {@link MAX_FIGURES} bytes. `full`: there are
   * {@link MAX_PROCESSES} others, each of which was seen in the last {@link CROWDED_MS}; otherwise
   * the one that was seen least recently makes room. Neither changes anything.
   */
  beat: {
    op: { readonly process: string; readonly figures: string }
    answer: { readonly status: 'noted' | 'too_large' | 'full' } | Retry
  }

  /** Forgets a process, which has ended as it should. */
  leave: { op: { readonly process: string }; answer: { readonly status: 'left' } | Retry }

  /** All processes, those that were seen last come first. Writes nothing. */
  processes: {
    op: Record<never, never>
    answer: { readonly status: 'listed'; readonly processes: readonly NotedProcess[] }
  }
}

/** A process as it was noted. */
export interface NotedProcess {
  readonly process: string
  /** When it was seen last, server time. */
  readonly seenAt: number
  readonly figures: string
}

/** The most processes that are noted. */
export const MAX_PROCESSES = 256
/** The most bytes of the figures of a process. */
export const MAX_FIGURES = 16_384
/** A process that was not seen for so long is forgotten. ms */
export const FORGOTTEN_MS = 600_000
/** A process that was not seen for so long makes room for another one. ms */
export const CROWDED_MS = 10_000
/** The most processes that one beat forgets. */
export const PROCESSES_AT_ONCE = 10

export type HeartbeatPort = Port<HeartbeatCommands>
