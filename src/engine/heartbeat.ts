import type { CourseCommands } from './course.js'
import type { Port, Retry } from './port.js'

/**
 * What the processes of a prefix tell each other. No call that sells asks it, and no sale depends
 * on it: what is lost here is told again with the next beats.
 *
 * Processes of other versions read and write the same: what a text contains may differ, and the
 * reader passes over what it does not know.
 */
export interface HeartbeatCommands extends RequestCommands, CourseCommands {
  /**
   * Notes that a process lives, and its figures, in place of those of its last beat. Forgets some
   * processes that were seen {@link FORGOTTEN_MS} ago or earlier.
   *
   * `too_large`: the text has more than {@link MAX_FIGURES} bytes. `full`: there are
   * {@link MAX_PROCESSES} others, each of which was seen in the last {@link CROWDED_MS}; otherwise
   * the one that was seen least recently makes room. Neither changes anything.
   *
   * `due`: what the process has to do. `answer`: it has not answered this request. `resume`: the
   * request is complete, and no process resumes: see `claim`.
   */
  beat: {
    op: { readonly process: string; readonly figures: string }
    answer: { readonly status: 'noted' | 'too_large' | 'full'; readonly due: readonly DueRequest[] } | Retry
  }

  /** Forgets a process, which has ended as it should. */
  leave: { op: { readonly process: string }; answer: { readonly status: 'left' } | Retry }

  /** All processes, those that were seen last come first. Writes nothing. */
  processes: {
    op: Record<never, never>
    answer: { readonly status: 'listed'; readonly processes: readonly NotedProcess[] }
  }
}

/**
 * Requests to all processes. Each process answers once; the request is *complete* when `waitFor`
 * answers that count have come by its deadline. With `resumes` one process then resumes what the
 * request has interrupted. A request is *over* after its deadline unless it is complete, and when
 * it is finished; processes still answer it.
 */
export interface RequestCommands {
  /**
   * Makes a request: `made`, also if it is there already with this id. `joined`: another one of
   * this subject is not over and has the same body. `conflict`: it has another body. Neither
   * changes anything. Requests of the subject that are over are forgotten, and of all subjects
   * those that were made {@link REQUEST_KEPT_MS} ago or earlier. `full`: there are
   * {@link MAX_REQUESTS} others.
   */
  request: {
    op: RequestOp
    answer:
      | { readonly status: 'made' }
      | { readonly status: 'joined' | 'conflict'; readonly request: NotedRequest }
      | { readonly status: 'full' | 'too_large' }
      | Retry
  }

  /**
   * Notes the answer of a process, in place of an earlier one. Without `done` the process has not
   * answered yet: `text` says why; an answer that was `done` stays as it is.
   *
   * `resume`: the request is complete, and this process has claimed it. `full`: there are
   * {@link MAX_PROCESSES} answers. `unknown`: there is no such request.
   */
  answer: {
    op: {
      readonly id: string
      readonly process: string
      readonly done: boolean
      /** It counts towards `waitFor`. */
      readonly counts: boolean
      readonly text: string
    }
    answer: { readonly status: 'answered' | 'resume' | 'unknown' | 'full' | 'too_large' } | Retry
  }

  /**
   * Claims the right to resume for {@link CLAIM_MS}. `taken`: another process has it, the request
   * is finished, it does not resume, or it is not complete. With `force` the last two are passed
   * over.
   */
  claim: {
    op: { readonly id: string; readonly process: string; readonly force: boolean }
    answer: { readonly status: 'claimed' | 'taken' | 'unknown' } | Retry
  }

  /**
   * Ends a request. `resumed`: what it has interrupted goes on. Otherwise what was done for it is
   * lost, and the request is forgotten, so that it can be made again; one that is finished stays.
   */
  finish: {
    op: { readonly id: string; readonly resumed: boolean }
    answer: { readonly status: 'finished' | 'forgotten' | 'unknown' } | Retry
  }

  /** All requests, those that were made first come first. Writes nothing. */
  requests: {
    op: Record<never, never>
    answer: { readonly status: 'requests'; readonly requests: readonly NotedRequest[] }
  }
}

interface RequestOp {
  readonly id: string
  /** What it is about: at most {@link MAX_BODY} bytes together with the body. */
  readonly subject: string
  readonly body: string
  readonly waitFor: number
  readonly timeoutMs: number
  readonly resumes: boolean
}

/** A request as it was noted. Times are server times. */
export interface NotedRequest extends Omit<RequestOp, 'timeoutMs'> {
  readonly createdAt: number
  readonly deadline: number
  /** `null`: not yet. */
  readonly completedAt: number | null
  readonly finishedAt: number | null
  /** In order of the processes' names. */
  readonly answers: readonly NotedAnswer[]
}

export interface NotedAnswer {
  readonly process: string
  readonly done: boolean
  readonly counts: boolean
  readonly at: number
  readonly text: string
}

/** A request that waits for a process. */
export interface DueRequest {
  readonly id: string
  readonly body: string
  readonly createdAt: number
  readonly due: 'answer' | 'resume'
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

/** The most requests that are kept. */
export const MAX_REQUESTS = 16
/** The most bytes of subject and body of a request, and of an answer. */
export const MAX_BODY = 2_048
export const MAX_ANSWER = 8_192
/** For how long a request is kept. ms */
export const REQUEST_KEPT_MS = 3_600_000
/** For how long a process has the right to resume. ms */
export const CLAIM_MS = 10_000

export type HeartbeatPort = Port<HeartbeatCommands>
