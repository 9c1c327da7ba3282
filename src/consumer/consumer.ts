import { isThenable, notify } from '../common/callback.js'
import type { Rules } from '../engine/engine.js'
import { longestHoldOf } from '../engine/rules.js'
import { isIncompatible, isNotFound, StockholdError } from '../errors.js'
import { reportCalls } from '../telemetry/report-calls.js'
import { checkInteger, checkOptions, MAX_SPAN_MS } from '../validation.js'
import type { Load } from './backlog.js'
import { CallbackTimeouts } from './callback-timeouts.js'
import type { Counts } from './consumer-context.js'
import { type DeadLetter, DeadLetters } from './dead-letters.js'
import type { Delivery } from './delivery.js'
import { retryAt } from './event-failure.js'
import { toDeadEvent, toEvent } from './events.js'
import { type GroupPartition, groupStates } from './groups.js'
import { HandlerRun } from './handler-context.js'
import { LeaseBalancer } from './lease-balancer.js'
import {
  type ConsumeOptions,
  checkConsumeOptions,
  checkHandler,
  type EventHandler,
  type Settings,
} from './options.js'
import { PartitionConsumer } from './partition-consumer.js'
import type { EventSource } from './source.js'
import { WakeableTimer } from './wakeable-timer.js'
import type { ConsumerWarning } from './warnings.js'
import { WorkerPool } from './worker-pool.js'

const CLOSE = { timeoutMs: true } as const

/** What this consumer has done since it started, and what is in progress. */
export interface ConsumerCounts {
  /** Events that the handler has handled. */
  readonly handled: number
  /** Times that the handler failed. */
  readonly failed: number
  /** Times that an event was tried again. */
  readonly retried: number
  /** Events that were trimmed before this group had them. */
  readonly lost: number
  /** Handlers that are running now. */
  readonly inFlight: number
}

/** The progress of a consumer group in one partition, and what this consumer has done there. */
export interface PartitionStats extends GroupPartition, ConsumerCounts {
  /** Whether this consumer holds the lease. */
  readonly leads: boolean
}

/** What a consumer has done, and the progress of each partition. */
export interface ConsumerStats extends ConsumerCounts {
  /** Of the group, summed over the partitions. */
  readonly position: number
  readonly latest: number
  readonly lag: number
  readonly parked: number
  readonly dead: number
  /** The number of partitions of which this consumer holds the lease. */
  readonly leads: number
  readonly partitions: readonly PartitionStats[]
}

/**
 * Handles a sale's events for a group, as one of any number of consumers in any number of
 * processes.
 *
 * - The group handles each event at least once. An event is handled again if a consumer crashes
 *   before the engine has its acknowledgement (up to some 100 ms of work, and the handlers that
 *   were running), or if Redis comes back with an older state. Make handlers idempotent, by
 *   `event.id` or by the reservation's id.
 * - The events of one reservation are handled in order, one at a time; so are the events without a
 *   reservation. A handler that fails holds up its reservation only.
 * - One consumer of the group leads each partition at a time. If it crashes, another takes over
 *   when its lease expires; if it is closed, another takes over within a tenth of a lease.
 *
 * While the engine is away, or the sale is frozen or lost, the consumer waits and continues by
 * itself. It keeps the process alive until it is closed.
 */
export class Consumer {
  static {
    const subject = (consumer: Consumer) => {
      const { sale, clock } = consumer.#source
      return { sale, room: null, group: consumer.group, clock }
    }
    reportCalls(Consumer, subject, () => undefined, ['deadLetters', 'close'])
  }

  readonly group: string
  /** The consumer's name in the group: the configured name and a random part. */
  readonly name: string
  /**
   * Resolves when the consumer was closed. Rejects when it has ended by itself: with `CLOSED` if
   * the group was removed, or the sale's handle or the engine was closed; with
   * `INCOMPATIBLE_VERSION`.
   */
  readonly closed: Promise<void>
  readonly #source: EventSource
  readonly #settings: Settings
  readonly #handler: EventHandler
  readonly #deadLetters: DeadLetters
  readonly #counts: Counts = { handled: 0, failed: 0, retried: 0, lost: 0 }
  readonly #load: Load = { events: 0, starved: false }
  readonly #timer: WakeableTimer
  readonly #timeouts: CallbackTimeouts
  #start: 'beginning' | 'now'
  #partitions: readonly PartitionConsumer[] = []
  #balancer: LeaseBalancer | undefined
  #running: Promise<unknown>
  #closing: Promise<void> | undefined
  #ended = false
  #resolve!: () => void
  #reject!: (error: unknown) => void

  /** @throws {StockholdError} `INVALID_ARGUMENT` */
  constructor(source: EventSource, options: ConsumeOptions, handler: EventHandler) {
    this.#settings = checkConsumeOptions(options)
    this.#handler = checkHandler(handler)
    this.#source = source
    this.group = this.#settings.group
    // Two consumers of one name would hold the same leases, and both would lead.
    const random = Math.floor(source.clock.random() * 36 ** 8).toString(36)
    this.name = `${this.#settings.name}-${random}`
    this.#deadLetters = new DeadLetters(source, this.group)
    this.#timer = new WakeableTimer(source.clock)
    this.#timeouts = new CallbackTimeouts(source.clock, this.#settings.handlerTimeoutMs)
    this.#start = this.#settings.start
    this.closed = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // The rejection is reported by `onError` too, so it need not be handled here.
    this.closed.catch(() => {})
    this.#running = this.#run()
  }

  /**
   * Lets the running handlers finish, acknowledges their events, and gives the partitions up: other
   * consumers take over at once, and handle the events that were not begun. Never rejects.
   *
   * @param options `timeoutMs`: how long handlers may take; other consumers handle the events of
   *   those that take longer again. @default no limit
   */
  close(options: { timeoutMs?: number | undefined } = {}): Promise<void> {
    const { timeoutMs } = checkOptions(options, 'options', CLOSE)
    const within =
      timeoutMs === undefined ? MAX_SPAN_MS : checkInteger(timeoutMs, 'timeoutMs', 0, MAX_SPAN_MS)
    if (this.#closing) for (const follower of this.#partitions) follower.retire(within)
    this.#closing ??= this.#close(within)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Reads the progress of the group, and what this consumer has done.
   *
   * @throws {StockholdError} As the methods of the sale.
   */
  async stats(): Promise<ConsumerStats> {
    const { rules } = await this.#source.describe()
    const partitions: PartitionStats[] = []
    for (let partition = 0; partition < rules.partitions; partition++)
      partitions.push(await this.#partitionStats(partition))
    const sum = (key: Exclude<keyof ConsumerStats, 'partitions' | 'leads'>) =>
      partitions.reduce((total, one) => total + one[key], 0)
    return {
      position: sum('position'),
      latest: sum('latest'),
      lag: sum('lag'),
      parked: sum('parked'),
      dead: sum('dead'),
      handled: sum('handled'),
      failed: sum('failed'),
      retried: sum('retried'),
      lost: sum('lost'),
      inFlight: sum('inFlight'),
      leads: partitions.filter(({ leads }) => leads).length,
      partitions,
    }
  }

  /**
   * The group's dead letters, in order, one partition after the other.
   *
   * @throws {StockholdError} As the methods of the sale.
   */
  deadLetters(): AsyncGenerator<DeadLetter, void, undefined> {
    return this.#deadLetters.all()
  }

  /**
   * Has dead letters tried again, as if they had never failed. They are handled after the later
   * events of their reservations that were handled meanwhile.
   *
   * @param ids The ids of the events; ids of other events are ignored. `'all'`: all dead letters.
   * @returns The number of events. The consumer that leads notices them within a third of its
   *   lease.
   * @throws {StockholdError} `INVALID_ARGUMENT`, and as the methods of the sale.
   */
  async replay(ids: readonly string[] | 'all'): Promise<number> {
    const count = await this.#deadLetters.settle(ids, 'retry')
    for (const follower of this.#partitions) follower.refresh()
    return count
  }

  /**
   * Deletes dead letters.
   *
   * @param ids The ids of the events; ids of other events are ignored. `'all'`: all dead letters.
   * @returns The number of events.
   * @throws {StockholdError} `INVALID_ARGUMENT`, and as the methods of the sale.
   */
  async discard(ids: readonly string[] | 'all'): Promise<number> {
    const count = await this.#deadLetters.settle(ids, 'discard')
    this.#balancer?.changed()
    return count
  }

  async #run(): Promise<void> {
    const rules = await this.#learn()
    if (!rules || this.#closing) return
    const { group, leaseMs, concurrency } = this.#settings
    const workers = new WorkerPool(concurrency, (delivery) => this.#handle(delivery))
    const self = this
    const around = {
      source: this.#source,
      settings: this.#settings,
      get start() {
        return self.#start
      },
      consumer: this.name,
      maxHoldMs: longestHoldOf(rules),
      load: this.#load,
      workers,
      counts: this.#counts,
      warn: (warning: ConsumerWarning) => notify(this.#settings.onWarning, warning),
      report: (error: unknown) => this.#report(error),
      deadLetter: (delivery: Delivery, error: unknown) => this.#deadLetter(delivery, error),
      leaseReleased: () => {
        for (const follower of this.#partitions) follower.relieve()
      },
      leadershipChanged: () => this.#balancer?.changed(),
    }
    this.#partitions = Array.from({ length: rules.partitions }, (_, i) => new PartitionConsumer(i, around))
    const partitions = this.#partitions
    this.#balancer = new LeaseBalancer({
      source: this.#source,
      group,
      consumer: this.name,
      leaseMs,
      partitions,
      report: around.report,
    })
    await Promise.all([this.#balancer.run(), ...partitions.map((follower) => follower.run())])
    this.#timeouts.stop()
  }

  /** Waits for the rules of the sale, however long it takes until the sale exists. */
  async #learn(): Promise<Rules | undefined> {
    for (let failures = 1; !this.#ended && !this.#closing; failures++) {
      try {
        return (await this.#source.describe()).rules
      } catch (error) {
        this.#report(error)
        if (!this.#ended && !this.#closing) await this.#timer.sleep(retryAt(failures, this.#source.clock))
      }
    }
    return undefined
  }

  async #close(within: number): Promise<void> {
    this.#timer.wake()
    this.#balancer?.stop()
    for (const follower of this.#partitions) follower.retire(within)
    await this.#running
    this.#resolve()
  }

  #handle({ event, reservation, backlog, attempts }: Delivery): unknown {
    const saleEvent = toEvent(event, reservation, this.#source.rules()!, backlog.owner.history)!
    const run = new HandlerRun(attempts + 1)
    const result = this.#handler(saleEvent, run)
    if (!isThenable(result)) return undefined
    return this.#timeouts.limit(result, 'The handler', (error) => {
      run.abort(error)
      const { attempt } = run
      const { handlerTimeoutMs, onWarning } = this.#settings
      const { id, partition } = saleEvent
      notify(onWarning, { type: 'handler_timeout', partition, event: id, attempt, handlerTimeoutMs })
    })
  }

  async #deadLetter({ event, reservation, backlog }: Delivery, error: unknown): Promise<void> {
    try {
      const letter = toDeadEvent(event, reservation, this.#source.rules()!, backlog.owner.history)!
      const result = this.#settings.onDeadLetter?.(letter, error)
      if (isThenable(result)) await this.#timeouts.limit(result, 'onDeadLetter')
    } catch (failure) {
      // A failed callback is no failure of the consumer: its CLOSED of another handle must not end
      // this consumer.
      notify(this.#settings.onError, failure)
    }
  }

  /** An error that does not pass by itself ends the consumer. */
  #report(error: unknown): void {
    notify(this.#settings.onError, error)
    if (!(error instanceof StockholdError)) return
    // A group that is created again must begin with the recovered events: a start of 'now' would
    // skip them.
    if (error.code === 'STATE_LOST') this.#start = 'beginning'
    const isRemoved = isNotFound(error) && this.#source.rules() !== undefined
    if (error.code === 'CLOSED' || isIncompatible(error) || isRemoved) this.#end(error)
  }

  #end(error: StockholdError): void {
    if (this.#ended) return
    this.#ended = true
    this.#reject(error)
    this.#timer.wake()
    this.#balancer?.stop()
    for (const follower of this.#partitions) follower.stop()
  }

  async #partitionStats(partition: number): Promise<PartitionStats> {
    const { groups } = await this.#source.ask(partition, 'groups', {})
    const none = { group: this.group, position: 0, consumer: null, until: 0, parked: 0, dead: 0 }
    const state = groups.find(({ group }) => group === this.group) ?? none
    const follower = this.#partitions[partition]
    const { handled, failed, retried, lost } = follower?.counts ?? this.#counts
    return {
      // From one answer of the engine: a newer position of this process beside an older count of
      // parked events would show that nothing is left while an event is being parked.
      ...groupStates(state, partition, this.#source),
      handled,
      failed,
      retried,
      lost,
      inFlight: follower?.backlog?.running ?? 0,
      leads: follower?.leads ?? false,
    }
  }
}
