import pLimit from 'p-limit'
import { ask, askEach } from '../engine/ask.js'
import { MAX_SUBJECTS, STEP_MS } from '../engine/course.js'
import type { HeartbeatPort } from '../engine/heartbeat.js'
import type { CourseSource, OpenHandle } from './open-handle.js'

const tuning = {
  /** How many points are read at a time. */
  atOnce: 4,
}

/** The name of a subject in the course. */
export function courseOf(kind: OpenHandle['kind'], id: string): string {
  return `${kind}:${id}`
}

/**
 * Tells points of the open handles: once in each step it offers those in which most has happened,
 * and the engine says which of them this process is to tell. So a process with thousands of open
 * sales sends one small call in each step, and reads no more sales than the engine keeps.
 */
export class CourseWriter {
  readonly #port: HeartbeatPort
  readonly #handles: ReadonlyMap<OpenHandle, number>
  #step = 0
  #isTelling = false

  constructor(port: HeartbeatPort, handles: ReadonlyMap<OpenHandle, number>) {
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
    if (heaviest.length === 0) return
    const offers = heaviest.map(([subject, { weight }]) => ({ process, subject, weight }))
    const { answers } = await askEach(this.#port, 'offer', offers)
    const due = heaviest.filter((_, i) => answers[i]!.status === 'due')
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
    for (const { kind, id, course } of this.#handles.keys()) {
      const subject = courseOf(kind, id)
      const weight = sources.has(subject) ? undefined : course?.weight()
      if (course && weight !== undefined) sources.set(subject, { source: course, weight })
    }
    return sources
  }
}
