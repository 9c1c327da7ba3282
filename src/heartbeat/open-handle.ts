/** A handle that is open. */
export interface OpenHandle {
  readonly kind: 'sale' | 'room'
  readonly id: string
  /** How the handles of this subject answer requests together. */
  readonly responder?: Responder | undefined
  /** How it tells the course of its sale or room. */
  readonly course?: CourseSource | undefined
}

/** The body of a request, which names the handles that answer it. */
export interface RequestBody {
  readonly kind: OpenHandle['kind']
  readonly id: string
}

/** Does what requests ask for. All handles of its subject have the same one. */
export interface Responder {
  /**
   * @param handles All handles of the subject that are open in this process.
   * @returns The text of the answer. If it rejects, the process tries again with its next beat.
   */
  answer(handles: readonly OpenHandle[], body: RequestBody): Promise<string>
  /** Whether the answer counts, if the request was made when these handles were open. */
  counts(handles: readonly OpenHandle[]): boolean
  /** The text of an answer that is not given yet. */
  failure(error: unknown): string
  /** Resumes what the request has interrupted. */
  resume(handles: readonly OpenHandle[], body: RequestBody): Promise<void>
}

/** A point of the course, and what the points have in common. */
export interface Sample {
  readonly incarnation: string
  readonly label: string
  readonly point: string
}

/** How a handle tells the course of its sale or room. */
export interface CourseSource {
  /** How much has happened there; `undefined`: the handle has not been used. */
  weight(): number | undefined
  sample(): Promise<Sample>
}
