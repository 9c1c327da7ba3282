import type { GroupState } from '../engine/groups.js'
import { isLost, StockholdError } from '../errors.js'
import { Acknowledger, Lease } from './acknowledger.js'
import { type Acknowledgement, Backlog, type BacklogContext } from './backlog.js'
import type { ConsumerContext, Counts } from './consumer-context.js'
import { retryAt } from './event-failure.js'
import { EventLoader } from './event-loader.js'
import type { History } from './events.js'
import { HandlerRetry, type Leader } from './handler-retry.js'
import { END, HistoryReader, type Page } from './history-reader.js'
import { KeyedOrder } from './keyed-order.js'
import { PollSchedule } from './poll-schedule.js'
import { WakeableTimer } from './wakeable-timer.js'

/**
 * One partition of a sale in one consumer: takes the lease when the balancer asks it to, reads
 * ahead, offers events to the workers, and acknowledges them. It does one step at a time, and has
 * one timer for everything that it waits for.
 */
export class PartitionConsumer implements Leader {
  readonly partition: number
  readonly counts: Counts = { handled: 0, failed: 0, retried: 0, lost: 0 }
  readonly #context: ConsumerContext
  readonly #backlogContext: BacklogContext
  readonly #handling: HandlerRetry
  readonly #loader: EventLoader
  readonly #schedule: PollSchedule
  readonly #acknowledger: Acknowledger
  #lease: Lease | undefined
  #backlog: Backlog | undefined
  readonly #reader: HistoryReader
  #wanted = false
  #reclaim = false
  /** The lease is given up as soon as no handler runs, at this moment at the latest. */
  #leavingAt: number | undefined
  #retires = false
  #stopped = false
  #failures = 0
  readonly #timer: WakeableTimer

  constructor(partition: number, context: ConsumerContext) {
    this.partition = partition
    this.#context = context
    this.#reader = new HistoryReader(partition, context.source)
    this.#timer = new WakeableTimer(context.source.clock)
    const { source, settings, load } = context
    const serverTime = (moment: number) =>
      source.serverTime(partition) + Math.round(moment - source.clock.now())
    this.#handling = new HandlerRetry(context, this)
    this.#loader = new EventLoader(partition, context, (what, count) => this.tally(what, count))
    this.#schedule = new PollSchedule(settings.pollMs, source.clock)
    this.#acknowledger = new Acknowledger(partition, context)
    this.#backlogContext = {
      owner: this.#handling,
      chains: new KeyedOrder(),
      load,
      maxParked: settings.maxParked,
      serverTime,
    }
  }

  get history(): History {
    return this.#reader.history
  }

  get leads(): boolean {
    return this.#lease !== undefined
  }

  get leaving(): boolean {
    return this.#leavingAt !== undefined
  }

  get backlog(): Backlog | undefined {
    return this.#backlog
  }

  /** Runs until the partition consumer is stopped, or has retired. */
  async run(): Promise<void> {
    const forget = this.#context.source.onChange(this.partition, () => this.#noticed())
    while (!this.#isOver) {
      let next: number
      try {
        next = await this.#step()
        this.#failures = 0
      } catch (error) {
        next = this.#pauseAfter(error)
      }
      if (!this.#isOver) await this.#timer.sleep(next)
    }
    forget()
    this.#drop()
  }

  get #isOver(): boolean {
    return this.#stopped || (this.#retires && !this.#lease)
  }

  /** Takes the lease, if it is free. */
  claim(): void {
    if (this.leads || this.#wanted || this.#retires) return
    this.#wanted = true
    this.#timer.wake()
  }

  /** Another process may have retried dead letters. */
  refresh(): void {
    if (!this.leads) return
    this.#reclaim = true
    this.#nudge()
  }

  /** Applies the engine's state of the group. */
  observe({ parked, dead }: GroupState): void {
    const backlog = this.#backlog
    if (!backlog || backlog.hasNews()) return
    const wasFull = backlog.full
    backlog.dead = dead
    backlog.knowsDead = true
    if (parked > backlog.parked) this.refresh()
    else if (wasFull && !backlog.full) this.#nudge()
  }

  /** Gives the lease up once the running handlers have ended, after `withinMs` at the latest. */
  leave(withinMs: number): void {
    this.#leavingAt = Math.min(this.#leavingAt ?? Number.POSITIVE_INFINITY, this.#now() + withinMs)
    this.#wanted = false
    this.#timer.wake()
  }

  /** Gives the lease up for good. */
  retire(withinMs: number): void {
    this.#retires = true
    this.leave(withinMs)
  }

  /** Ends at once; the lease expires by itself. */
  stop(): void {
    this.#stopped = true
    this.#timer.wake()
  }

  /** There may be room for more events. */
  relieve(): void {
    if (this.#failures === 0) this.#timer.wake()
  }

  mayBegin(now: number): boolean {
    return this.#lease !== undefined && now < this.#lease.until && !this.leaving && !this.#stopped
  }

  /** A delivery has ended: the engine gets the acknowledgement soon. */
  ended(backlog: Backlog): void {
    if (backlog !== this.#backlog) return
    if (this.#acknowledger.plan() || (this.leaving && backlog.running === 0)) this.#nudge()
  }

  tally(what: keyof Counts, count = 1): void {
    this.counts[what] += count
    this.#context.counts[what] += count
  }

  /** Does what is due; returns when the next step is due. */
  async #step(): Promise<number> {
    if (!this.#lease && !this.#retires) {
      this.#leavingAt = undefined
      if (this.#wanted || this.#reclaim) await this.#claim()
    } else if (this.#reclaim) await this.#claim()
    if (!this.#lease) return this.#reclaim ? this.#now() : Number.POSITIVE_INFINITY
    if (this.leaving) return this.#leaveStep()
    for (const delivery of this.#backlog!.due(this.#now())) this.#context.workers.offer(delivery)
    if (this.#mayRead() && this.#now() >= this.#schedule.at) await this.#read()
    if (this.#lease && this.#now() >= this.#dueAt()) await this.#acknowledge(this.#context.settings.leaseMs)
    return this.#next()
  }

  #dueAt(): number {
    return Math.min(this.#acknowledger.at, this.#lease!.renewAt)
  }

  #next(): number {
    if (!this.#lease) return this.#now()
    const reading = this.#mayRead() ? this.#schedule.at : Number.POSITIVE_INFINITY
    return Math.min(this.#dueAt(), reading, this.#backlog!.nextDue())
  }

  async #leaveStep(): Promise<number> {
    const backlog = this.#backlog!
    const now = this.#now()
    this.#context.leadershipChanged()
    if (backlog.running > 0 && now < this.#leavingAt!) {
      if (now >= this.#dueAt()) await this.#acknowledge(this.#context.settings.leaseMs)
      return this.#lease ? Math.min(this.#leavingAt!, this.#dueAt()) : now
    }
    try {
      await this.#acknowledge(0)
    } finally {
      // Whether the call succeeded or not, nothing more is acknowledged under this lease. It
      // expires by itself.
      this.#drop()
    }
    return now
  }

  /** Takes the lease. If this consumer has it already, reads the parked events again. */
  async #claim(): Promise<void> {
    const { source, settings, consumer, start } = this.#context
    const { group, leaseMs } = settings
    const at = this.#now()
    const answer = await source.ask(this.partition, 'claim', { group, consumer, leaseMs, start })
    this.#wanted = false
    if (answer.status === 'busy') {
      this.#reclaim = false
      return this.#drop()
    }
    const { epoch, position, parked } = answer
    // Another epoch: other consumers had the lease in between. An earlier position: the engine has
    // lost acknowledgements.
    if (this.#lease && (this.#lease.epoch !== epoch || position < this.#backlog!.settled)) this.#drop()
    // Until the parked events are in hand, nothing may be read that could overtake them.
    this.#reclaim = true
    const isNew = this.#lease === undefined
    this.#lease = new Lease(epoch, at, leaseMs)
    if (isNew) {
      this.#begin(position)
      if (!(await this.#page(END))) return
    }
    await this.#loader.takeParked(parked, this.#backlog!)
    this.#reclaim = false
    this.#handling.offerHeld()
  }

  #begin(position: number): void {
    this.#backlog = new Backlog(position, this.#backlogContext)
    this.#reader.begin()
    this.#schedule.begin()
    this.#acknowledger.clear()
    this.#context.leadershipChanged()
  }

  #mayRead(): boolean {
    return this.#backlog !== undefined && this.#loader.hasRoom(this.#backlog)
  }

  async #read(): Promise<void> {
    const backlog = this.#backlog!
    const at = this.#now()
    const latest = this.#context.source.latest(this.partition).sequence
    const page = await this.#page(backlog.read)
    if (!page) return
    this.#loader.take(page, backlog)
    if (page.events.length > 0) this.#acknowledger.plan()
    if (this.#schedule.plan(page.events.length, latest, at)) this.#noticed()
  }

  /** Events after that sequence; `undefined` if the history is not the one read before. */
  async #page(after: number): Promise<Page | undefined> {
    const at = this.#now()
    try {
      const page = await this.#reader.page(after)
      if (page) this.#schedule.hasRead(at)
      else this.#forgotten()
      return page
    } catch (error) {
      if (isLost(error)) this.#forgotten()
      throw error
    }
  }

  /** The engine has lost events that were read: start again from the engine's position. */
  #forgotten(): void {
    this.#drop()
    this.#reclaim = true
  }

  /** This handle has seen the partition's sequence grow. */
  #noticed(): void {
    const backlog = this.#backlog
    if (!backlog) return
    const { sequence } = this.#context.source.latest(this.partition)
    if (this.#schedule.hurries(sequence, backlog.read)) this.#nudge()
  }

  /** Acknowledges the events that were handled, and renews the lease for `leaseMs`. */
  async #acknowledge(leaseMs: number): Promise<void> {
    const backlog = this.#backlog!
    const lease = this.#lease!
    // If the engine had lost part of this history and written another since, the position would
    // skip events of the new one.
    if (!this.#schedule.isFresh && backlog.hasNews() && !(await this.#page(END))) return
    try {
      const sent = await this.#acknowledger.send(backlog, lease, leaseMs, (what, at) => this.#heard(what, at))
      if (sent === 'gone') await this.#gone()
      if (sent === 'fenced') this.#drop()
    } catch (error) {
      if (isLost(error)) this.#forgotten()
      throw error
    }
  }

  /** The group was removed, or the engine came back from before the group was created. */
  async #gone(): Promise<void> {
    if (!(await this.#page(END))) return
    const group = JSON.stringify(this.#context.settings.group)
    throw new StockholdError('CLOSED', `the consumer group ${group} was removed`)
  }

  #heard(what: Acknowledgement, at: number): void {
    const backlog = this.#backlog!
    const knewOfNone = backlog.dead === 0
    backlog.keep(what)
    // From now on other processes may retry dead letters.
    if (knewOfNone && backlog.dead > 0) this.#context.leadershipChanged()
    this.#handling.offerHeld()
    if (backlog.hasNews()) this.#acknowledger.postpone()
    this.#schedule.hasHeard(at)
    this.#noticed()
  }

  /** The lease is over: the next consumer that holds it handles the events in hand. */
  #drop(): void {
    if (!this.#lease) return
    this.#lease = undefined
    this.#leavingAt = undefined
    this.#backlog?.drop()
    this.#backlog = undefined
    this.#handling.drop()
    this.#context.leadershipChanged()
  }

  #pauseAfter(error: unknown): number {
    this.#failures++
    this.#schedule.distrust()
    this.#context.report(error)
    return retryAt(this.#failures, this.#context.source.clock)
  }

  /** Wakes the timer, except after a failure, which only time can help. */
  #nudge(): void {
    if (this.#failures === 0 || this.leaving) this.#timer.wake()
  }

  #now(): number {
    return this.#context.source.clock.now()
  }
}
