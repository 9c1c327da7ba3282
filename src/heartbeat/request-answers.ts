import { ask } from '../engine/ask.js'
import type { Clock } from '../engine/clock.js'
import { type DueRequest, type HeartbeatPort, MAX_REQUESTS } from '../engine/heartbeat.js'
import { type RequestBody, type Responder, type Resume, textsOf } from './open-handle.js'
import type { OpenHandles } from './open-handles.js'

const tuning = {
  /** An answer that has taken so long is begun again. ms */
  patienceMs: 60_000,
}

/**
 * Answers the requests that wait for this process, each once at a time. What fails is tried again
 * with the next beat: the request waits in the engine until it is answered.
 */
export class RequestAnswers {
  readonly #port: HeartbeatPort
  readonly #clock: Clock
  readonly #handles: OpenHandles
  /** The requests that are being answered, and since when. */
  readonly #busy = new Map<string, number>()

  /** What this process has done for requests, the latest last. */
  readonly #done = new Map<string, Resume>()

  constructor(port: HeartbeatPort, clock: Clock, handles: OpenHandles) {
    this.#port = port
    this.#clock = clock
    this.#handles = handles
  }

  /** @param now The server's time. */
  attend(process: string, due: readonly DueRequest[], now: number): void {
    for (const request of due) {
      const body = readBody(request.body)
      if (!body || this.#isBusy(request.id)) continue
      const openedAt = new Map(this.#handles.of(body))
      const handles = [...openedAt.keys()]
      const responder = handles[0]?.responder
      if (!responder) continue
      const begunAt = this.#clock.now()
      this.#busy.set(request.id, begunAt)
      const madeAt = this.#clock.now() - (now - request.createdAt)
      // A handle that is closed meanwhile was early too.
      const early = new Set(handles.filter((one) => openedAt.get(one)! <= madeAt))
      const answer = async () => {
        const { resume, ...given } = await responder.answer(handles, body, (one) => early.has(one))
        this.#keep(request.id, resume)
        return given
      }
      const work = async () => {
        const isDue = request.due === 'resume' || (await this.#answer(process, request.id, answer, responder))
        if (isDue) await this.#resume(process, request.id, () => responder.look(handles, body))
      }
      void work()
        .catch(() => {})
        .finally(() => {
          if (this.#busy.get(request.id) === begunAt) this.#busy.delete(request.id)
        })
    }
  }

  #isBusy(id: string): boolean {
    return this.#clock.now() < (this.#busy.get(id) ?? Number.NEGATIVE_INFINITY) + tuning.patienceMs
  }

  /** @returns Whether this process is to resume. */
  async #answer(
    process: string,
    id: string,
    answer: () => Promise<{ readonly text: string; readonly counts: boolean }>,
    responder: Responder,
  ): Promise<boolean> {
    const given = await answer().then(
      (done) => ({ ...done, done: true }),
      (error: unknown) => ({ done: false, counts: false, text: responder.failure(error) }),
    )
    const sent = await ask(this.#port, 'answer', { id, process, ...given })
    return sent.answer.status === 'resume'
  }

  #keep(id: string, resume: Resume | undefined): void {
    this.#done.delete(id)
    if (resume) this.#done.set(id, resume)
    for (const oldest of [...this.#done.keys()].slice(0, -MAX_REQUESTS)) this.#done.delete(oldest)
  }

  /**
   * What is to be resumed was seen before the claim, by this process perhaps before others have
   * answered. What they have done may be lost since: `resume` compares with their answers. If this
   * fails, the claim ends, and another process resumes, or this one again.
   */
  async #resume(process: string, id: string, look: () => Promise<Resume>): Promise<void> {
    const resume = this.#done.get(id) ?? (await look())
    const { answer } = await ask(this.#port, 'claim', { id, process, force: false })
    if (answer.status !== 'claimed') return
    const { requests } = (await ask(this.#port, 'requests', {})).answer
    const request = requests.find((one) => one.id === id)
    if (!request) return
    const resumed = await resume(textsOf(request))
    await ask(this.#port, 'finish', { id, resumed })
    this.#done.delete(id)
  }
}

/** `undefined`: a later version made it, for what this one does not know. */
function readBody(text: string): RequestBody | undefined {
  try {
    const body: RequestBody | null = JSON.parse(text)
    return typeof body?.id === 'string' ? body : undefined
  } catch {
    return undefined
  }
}
