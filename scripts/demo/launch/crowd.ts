export type Visit = () => Promise<void>

/** Somebody who looks at the door again and again: one object each, as long as they wait. */
export interface Watcher {
  look(): Promise<void>
}

/** Due times are rounded up to this, in ms: a timer for each of a hundred thousand payments would be a timer too many. */
const SLOT_MS = 10
/** Looks at the door that begin in one turn of the event loop. */
const LOOKS_A_TURN = 1_000

/** What is due when, in few slots. */
class Calendar<T> {
  readonly #slots = new Map<number, T[]>()

  get empty(): boolean {
    return this.#slots.size === 0
  }

  add(ms: number, item: T): void {
    const slot = Math.ceil((performance.now() + ms) / SLOT_MS)
    const items = this.#slots.get(slot)
    if (items) items.push(item)
    else this.#slots.set(slot, [item])
  }

  moveDue(to: Queue<T>): void {
    const now = performance.now() / SLOT_MS
    for (const [slot, items] of this.#slots) {
      if (slot > now) continue
      this.#slots.delete(slot)
      for (const item of items) to.push(item)
    }
  }
}

/** First in, first out, without moving what is left. */
class Queue<T> {
  #items: T[] = []
  #next = 0

  get empty(): boolean {
    return this.#next === this.#items.length
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.#next < this.#items.length) return this.#items[this.#next++]
    this.#items = []
    this.#next = 0
    return undefined
  }
}

/**
 * All that the crowd does, in order of time, with one timer. Whoever asks for a place or for units is one of at most
 * `concurrency` visits that are under way at a time: whoever is due (to pay, to come back) goes before new arrivals, or payments
 * would be late for no fault of the buyers. Looks at the door are not counted among them: a waiting room has to bear all who wait.
 */
export class Crowd {
  readonly #concurrency: number
  readonly #calendar = new Calendar<Visit>()
  readonly #due = new Queue<Visit>()
  readonly #lookCalendar = new Calendar<Watcher>()
  readonly #looks = new Queue<Watcher>()
  #arrivals: Iterator<Visit> | undefined
  #active = 0
  #looking = 0
  #admitting = false
  #startingLooks = false
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
    this.#calendar.add(ms, visit)
  }

  /** A look at the door: begins when it is due, however many visits are under way. */
  lookAfter(ms: number, watcher: Watcher): void {
    this.#lookCalendar.add(ms, watcher)
  }

  #tick(): void {
    this.#calendar.moveDue(this.#due)
    this.#lookCalendar.moveDue(this.#looks)
    this.#admit()
    if (!this.#startingLooks) this.#startLooks()
  }

  #admit(): void {
    while (this.#finish && this.#active < this.#concurrency) {
      const visit = this.#nextVisit()
      if (!visit) break
      this.#active++
      visit().then(this.#left, this.#fail)
    }
    if (this.#active + this.#looking === 0 && this.#nothingDue()) this.#finish?.()
  }

  #nothingDue(): boolean {
    return this.#calendar.empty && this.#lookCalendar.empty && this.#looks.empty
  }

  /** In pieces: tens of thousands can be due at once, and timers and answers have their turn in between. */
  #startLooks(): void {
    this.#startingLooks = false
    for (let i = 0; i < LOOKS_A_TURN && this.#finish; i++) {
      const watcher = this.#looks.shift()
      if (!watcher) return
      this.#looking++
      watcher.look().then(this.#looked, this.#fail)
    }
    if (this.#looks.empty || !this.#finish) return
    this.#startingLooks = true
    setImmediate(() => this.#startLooks())
  }

  readonly #looked = () => {
    this.#looking--
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
    const due = this.#due.shift()
    if (due) return due
    const arrival = this.#arrivals?.next()
    if (arrival && !arrival.done) return arrival.value
    this.#arrivals = undefined
    return undefined
  }
}
