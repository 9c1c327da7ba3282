import pLimit from 'p-limit'
import { chunksOf } from '../common/chunks.js'
import { ask, askEach } from '../engine/ask.js'
import { MAX_SUBJECTS, STEP_MS } from '../engine/course.js'
import type { HeartbeatPort } from '../engine/heartbeat.js'
import type { CourseSource, OpenHandle } from './open-handle.js'
import type { OpenHandles } from './open-handles.js'

const tuning = {
  /** How many points are read at a time. */
  atOnce: 4,
  /**
   * How many subjects are offered in a call. To forget the points of one that makes room takes
   * Redis about half a millisecond, in which it sells nothing.
   */
  offers: 4,
}

/** The name of a subject in the course. */
export function courseOf(kind: OpenHandle['kind'], id: string): string {
  return `${kind}:${id}`
}

/**
 * Tells points of the open handles: once in each step it offers those in which most has happened,
 * and the engine says which of them this process is to tell. So a process with thousands of open
 * sales sends a few small calls in each step, and reads no more sales than the engine keeps.
 */
export class CourseWriter {
  readonly #port: HeartbeatPort
  readonly #handles: OpenHandles
  #step = 0
  #isTelling = false

  constructor(port: HeartbeatPort, handles: OpenHandles) {
    this.#port = port
    this.#handles = handles
  }

  /** @param now The server's time. */
  attend(process: string, now: number): void {
    const step = Math.floor(now / STEP_MS)
    if (step <= this.#step || this.#isTelling) return
    this.#step = step
    this.#isTelling = true
    void this.#tell(process)
      .catch(() => {})
      .finally(() => {
        this.#isTelling = false
      })
  }

  async #tell(process: string): Promise<void> {
    const heaviest = [...this.#sources()].sort(([, a], [, b]) => b.weight - a.weight).slice(0, MAX_SUBJECTS)
    const due: typeof heaviest = []
    for (const some of chunksOf(heaviest, tuning.offers)) {
      const offers = some.map(([subject, { weight }]) => ({ process, subject, weight }))
      // What was given to this process is told, whatever becomes of the rest.
      const answers = await askEach(this.#port, 'offer', offers).then(
        (reply) => reply.answers,
        () => [],
      )
      due.push(...some.filter((_, i) => answers[i]?.status === 'due'))
    }
    // What fails with one of them does not keep the others from being told.
    await pLimit(tuning.atOnce).map(due, ([subject, { source }]) =>
      source
        .sample()
        .then((sample) => ask(this.#port, 'append', { process, subject, ...sample }))
        .catch(() => {}),
    )
  }

  /** By subject: the first handle that has been used. */
  #sources(): Map<string, { readonly source: CourseSource; readonly weight: number }> {
    const sources = new Map<string, { source: CourseSource; weight: number }>()
    for (const [kind, id, handles] of this.#handles.each()) {
      for (const { course } of handles) {
        const weight = course?.weight()
        if (!course || weight === undefined) continue
        sources.set(courseOf(kind, id), { source: course, weight })
        break
      }
    }
    return sources
  }
}
