import { unavailable } from '../../errors.js'

/** A request that waits for its batch. */
interface Waiting<Q, A> {
  readonly id: string
  readonly request: Q
  readonly resolve: (answer: A) => void
  readonly reject: (error: unknown) => void
  /** Batches in which another transaction had locked the order. */
  refused: number
}

/** The answers to a batch, by the order's id; a request without one must be repeated. */
export type Answers<A> = ReadonlyMap<string, () => A>

/** The most requests of a batch. */
const AT_ONCE = 500 // tuning
/** How often a request is repeated whose order is locked, and the pause in between, in ms. */
const MAX_TRIES = 200
const PAUSE_MS = 50 // tuning

/**
 * Gathers requests that come while a batch is under way: one transaction serves all of them. A
 * batch has at most one request for each order, so the requests for an order are carried out one
 * after another.
 */
export class StepBatcher<Q, A> {
  readonly #run: (batch: ReadonlyMap<string, Q>) => Promise<Answers<A>>
  readonly #pause: (ms: number) => Promise<void>
  #waiting: Waiting<Q, A>[] = []
  #isRunning = false

  constructor(
    run: (batch: ReadonlyMap<string, Q>) => Promise<Answers<A>>,
    pause: (ms: number) => Promise<void>,
  ) {
    this.#run = run
    this.#pause = pause
  }

  /** @param id Of the order. */
  ask(id: string, request: Q): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, request, resolve, reject, refused: 0 })
      if (this.#isRunning) return
      this.#isRunning = true
      // The requests of this turn make one batch.
      setImmediate(() => void this.#drain())
    })
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#next()
      const repeated = await this.#settle(batch)
      if (repeated.length > 0 && this.#waiting.length === 0) await this.#pause(PAUSE_MS)
      this.#waiting.unshift(...repeated)
    }
    this.#isRunning = false
  }

  /** Takes the next batch. */
  #next(): ReadonlyMap<string, Waiting<Q, A>> {
    const batch = new Map<string, Waiting<Q, A>>()
    const later: Waiting<Q, A>[] = []
    let taken = 0
    for (; taken < this.#waiting.length && batch.size < AT_ONCE; taken++) {
      const one = this.#waiting[taken]!
      if (batch.has(one.id)) later.push(one)
      else batch.set(one.id, one)
    }
    this.#waiting = [...later, ...this.#waiting.slice(taken)]
    return batch
  }

  /** Runs a batch, and returns the requests to repeat. */
  async #settle(batch: ReadonlyMap<string, Waiting<Q, A>>): Promise<Waiting<Q, A>[]> {
    const repeated: Waiting<Q, A>[] = []
    try {
      const answers = await this.#run(new Map([...batch].map(([id, { request }]) => [id, request])))
      for (const [id, one] of batch) {
        const answer = answers.get(id)
        if (answer) settle(one, answer)
        else if (++one.refused < MAX_TRIES) repeated.push(one)
        else one.reject(locked())
      }
    } catch (error) {
      for (const { reject } of batch.values()) reject(error)
    }
    return repeated
  }
}

function settle<A>({ resolve, reject }: Waiting<unknown, A>, answer: () => A): void {
  try {
    resolve(answer())
  } catch (error) {
    reject(error)
  }
}

function locked(): Error {
  const cause = new Error('Another transaction holds the lock of its row.')
  return unavailable('The order is locked in PostgreSQL. Nothing was written.', cause)
}
