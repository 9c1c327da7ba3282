export type Visit = () => Promise<void>

/** Due times are rounded up to this, in ms: a timer for each of a hundred thousand payments would be a timer too many. */
const SLOT_MS = 10

/**
 * The crowd at the door: at most `concurrency` visits are under way at a time. Whoever is due (to pay, to come back) goes
 * before new arrivals, or payments would be late for no fault of the buyers.
 */
export class Crowd {
  readonly #concurrency: number
  readonly #calendar = new Map<number, Visit[]>()
  #due: Visit[] = []
  #next = 0
  #arrivals: Iterator<Visit> | undefined
  #active = 0
  #admitting = false
  #finish: (() => void) | undefined
  #fail: ((reason: unknown) => void) | undefined

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  /** Lets these arrive; resolves when they and all that follows from their visits is over. */
  async run(arrivals: Iterable<Visit>): Promise<void> {
    this.#arrivals = arrivals[Symbol.iterator]()
    const clock = setInterval(() => this.#tick(), SLOT_MS)
    try {
      await new Promise<void>((resolve, reject) => {
        this.#finish = resolve
        this.#fail = reject
        this.#admit()
      })
    } finally {
      clearInterval(clock)
      this.#finish = undefined
    }
  }

  after(ms: number, visit: Visit): void {
    const slot = Math.ceil((performance.now() + ms) / SLOT_MS)
    const visits = this.#calendar.get(slot)
    if (visits) visits.push(visit)
    else this.#calendar.set(slot, [visit])
  }

  #tick(): void {
    const now = performance.now() / SLOT_MS
    for (const [slot, visits] of this.#calendar) {
      if (slot > now) continue
      this.#calendar.delete(slot)
      for (const visit of visits) this.#due.push(visit)
    }
    this.#admit()
  }

  #admit(): void {
    while (this.#finish && this.#active < this.#concurrency) {
      const visit = this.#nextVisit()
      if (!visit) break
      this.#active++
      visit().then(this.#left, this.#fail)
    }
    if (this.#active === 0 && this.#calendar.size === 0) this.#finish?.()
  }

  /**
   * The next visit begins in a new turn of the event loop, as a request from outside would: an engine in the same process
   * answers within the turn, and an unbroken chain of answers would leave no turn to the timers.
   */
  readonly #left = () => {
    this.#active--
    if (this.#admitting) return
    this.#admitting = true
    setImmediate(() => {
      this.#admitting = false
      this.#admit()
    })
  }

  #nextVisit(): Visit | undefined {
    if (this.#next < this.#due.length) return this.#due[this.#next++]
    this.#due = []
    this.#next = 0
    const arrival = this.#arrivals?.next()
    if (arrival && !arrival.done) return arrival.value
    this.#arrivals = undefined
    return undefined
  }
}
