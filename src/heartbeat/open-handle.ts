import type { NotedRequest } from '../engine/heartbeat.js'
import type { RoomInUse, SaleInUse } from './figures.js'

/** A handle that is open. */
export interface OpenHandle {
  readonly kind: 'sale' | 'room'
  readonly id: string
  /** How the handles of this subject answer requests together. */
  readonly responder?: Responder | undefined
  /** The sale, or room, that it has used; `undefined`: none, or it was removed. */
  readonly inUse?: (() => SaleInUse | RoomInUse | undefined) | undefined
  /** How it tells the course of its sale or room. */
  readonly course?: CourseSource | undefined
}

/** The body of a request, which names the handles that answer it. */
export interface RequestBody {
  readonly kind: OpenHandle['kind']
  readonly id: string
}

/**
 * Resumes what a request has interrupted. `false`: what was done for the request is lost. It is
 * kept for as long as the request, and can be repeated.
 *
 * @param answers The texts of all answers that are done.
 */
export type Resume = (answers: readonly string[]) => Promise<boolean>

/** The texts of the answers that are done. */
export function textsOf({ answers }: NotedRequest): readonly string[] {
  return answers.filter(({ done }) => done).map(({ text }) => text)
}

/** What a process has done for a request. */
interface Done {
  /** The text of the answer. */
  readonly text: string
  /** Whether the answer counts. */
  readonly counts: boolean
  /** Resumes what was interrupted as this process has left it. */
  readonly resume?: Resume | undefined
}

/** Does what requests ask for. All handles of its subject have the same one. */
export interface Responder {
  /**
   * If it rejects, the process tries again with its next beat.
   *
   * @param handles All handles of the subject that are open in this process.
   * @param body What is asked for.
   * @param isEarly Whether a handle was open when the request was made.
   */
  answer(
    handles: readonly OpenHandle[],
    body: RequestBody,
    isEarly: (handle: OpenHandle) => boolean,
  ): Promise<Done>
  /** The text of an answer that is not given yet. */
  failure(error: unknown): string
  /** Looks at what was interrupted. It is resumed only if it has not changed back since. */
  look(handles: readonly OpenHandle[], body: RequestBody): Promise<Resume>
}

/** A point of the course, and what the points have in common. */
export interface Sample {
  readonly incarnation: string
  readonly label: string
  readonly point: string
}

/** How a handle tells the course of its sale or room. */
export interface CourseSource {
  /** How much has happened there; `undefined`: the handle has not been used, or it was removed. */
  weight(): number | undefined
  sample(): Promise<Sample>
}
