export type Visit = () => Promise<void>

/** A visitor who polls again and again; one object for as long as the visitor waits. */
export interface Poller {
  poll(): Promise<void>
}

/**
 * Due times are rounded up to this, in ms, since a hundred thousand payments cannot have a timer
 * each.
 */
const SLOT_MS = 10
/** Polls that begin in one turn of the event loop. */
const POLLS_A_TURN = 1_000

/** Items by due time, in slots. */
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
 * Runs everything that the buyers do in order of time, with one timer. At most `concurrency` visits
 * are under way at a time. A due visit (a payment, a return) goes before new arrivals, otherwise
 * payments would be late without the buyer's fault. Polls do not count as visits: a waiting room
 * has to bear the polls of all who wait.
 */
export class BuyerScheduler {
  readonly #concurrency: number
  readonly #calendar = new Calendar<Visit>()
  readonly #due = new Queue<Visit>()
  readonly #pollCalendar = new Calendar<Poller>()
  readonly #polls = new Queue<Poller>()
  #arrivals: Iterator<Visit> | undefined
  #active = 0
  #polling = 0
  #startingSoon = false
  #startingPolls = false
  #finish: (() => void) | undefined
  #fail: ((reason: unknown) => void) | undefined

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  /** Runs these arrivals; resolves when they and all visits that follow are over. */
  async run(arrivals: Iterable<Visit>): Promise<void> {
    this.#arrivals = arrivals[Symbol.iterator]()
    const clock = setInterval(() => this.#tick(), SLOT_MS)
    try {
      await new Promise<void>((resolve, reject) => {
        this.#finish = resolve
        this.#fail = reject
        this.#startVisits()
      })
    } finally {
      clearInterval(clock)
      this.#finish = undefined
    }
  }

  after(ms: number, visit: Visit): void {
    this.#calendar.add(ms, visit)
  }

  /** A poll, which begins when it is due, however many visits are under way. */
  pollAfter(ms: number, poller: Poller): void {
    this.#pollCalendar.add(ms, poller)
  }

  #tick(): void {
    this.#calendar.moveDue(this.#due)
    this.#pollCalendar.moveDue(this.#polls)
    this.#startVisits()
    if (!this.#startingPolls) this.#startPolls()
  }

  #startVisits(): void {
    while (this.#finish && this.#active < this.#concurrency) {
      const visit = this.#nextVisit()
      if (!visit) break
      this.#active++
      visit().then(this.#left, this.#fail)
    }
    if (this.#active + this.#polling === 0 && this.#nothingDue()) this.#finish?.()
  }

  #nothingDue(): boolean {
    return this.#calendar.empty && this.#pollCalendar.empty && this.#polls.empty
  }

  /**
   * In pieces: tens of thousands can be due at once, and timers and answers have their turn in
   * between.
   */
  #startPolls(): void {
    this.#startingPolls = false
    for (let i = 0; i < POLLS_A_TURN && this.#finish; i++) {
      const poller = this.#polls.shift()
      if (!poller) return
      this.#polling++
      poller.poll().then(this.#polled, this.#fail)
    }
    if (this.#polls.empty || !this.#finish) return
    this.#startingPolls = true
    setImmediate(() => this.#startPolls())
  }

  readonly #polled = () => {
    this.#polling--
  }

  /**
   * The next visit begins in a new turn of the event loop, as a request from outside would: an
   * engine in the same process answers within the turn, and an unbroken chain of answers would
   * leave no turn to the timers.
   */
  readonly #left = () => {
    this.#active--
    if (this.#startingSoon) return
    this.#startingSoon = true
    setImmediate(() => {
      this.#startingSoon = false
      this.#startVisits()
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
