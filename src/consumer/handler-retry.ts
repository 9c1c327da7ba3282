import { backoff, jittered } from '../batching/backoff.js'
import { consumerChannel } from '../telemetry/channels.js'
import type { ConsumerContext, Counts } from './consumer-context.js'
import type { Delivery, DeliveryBacklog, DeliveryOwner } from './delivery.js'
import { messageOf } from './event-failure.js'
import type { History } from './events.js'

const tuning = {
  /** Reading that waited for fewer events in hand continues below this number. */
  lowLoad: 2_048,
}

/** The holder of the lease under which the events are handled. */
export interface Leader {
  readonly history: History
  /** Whether the lease is valid at that moment, so that new events may begin. */
  mayBegin(now: number): boolean
  /** A delivery of the backlog has ended. */
  ended(backlog: DeliveryBacklog): void
  tally(what: keyof Counts): void
}

/**
 * Decides what follows after the handler ran with an event: it is done, tried again, or a dead
 * letter.
 */
export class HandlerRetry implements DeliveryOwner {
  readonly #context: ConsumerContext
  readonly #leader: Leader
  /** Ready, but the lease may be over. */
  #held: Delivery[] = []

  constructor(around: ConsumerContext, leader: Leader) {
    this.#context = around
    this.#leader = leader
  }

  get history(): History {
    return this.#leader.history
  }

  begins(delivery: Delivery): boolean {
    const { backlog } = delivery
    const now = this.#context.source.clock.now()
    if (backlog.over) return false
    // Another consumer may have the events by now.
    if (!this.#leader.mayBegin(now)) {
      this.#held.push(delivery)
      return false
    }
    backlog.begin(delivery, now)
    if (delivery.attempts > 0) this.#leader.tally('retried')
    return true
  }

  done(delivery: Delivery): void {
    if (consumerChannel.hasSubscribers) this.#tell('handled', delivery)
    this.#leader.tally('handled')
    this.#goOn(delivery.backlog, delivery.backlog.done(delivery))
  }

  failed(delivery: Delivery, error: unknown): void | Promise<void> {
    const { backlog } = delivery
    const { maxAttempts, retryDelayMs, maxRetryDelayMs } = this.#context.settings
    const { clock } = this.#context.source
    this.#leader.tally('failed')
    const triesAgain = backlog.over || delivery.attempts + 1 < maxAttempts
    if (consumerChannel.hasSubscribers) this.#tell(triesAgain ? 'failed' : 'dead_letter', delivery, error)
    if (triesAgain) {
      const delay = jittered(backoff(delivery.attempts + 1, retryDelayMs, maxRetryDelayMs), clock)
      this.#goOn(backlog, backlog.failed(delivery, messageOf(error), clock.now() + delay))
      return undefined
    }
    return this.#deadLetter(delivery, error)
  }

  /** The lease is renewed: deliveries that waited for it are offered again. */
  offerHeld(): void {
    for (const delivery of this.#held.splice(0)) this.#context.workers.offer(delivery)
  }

  /** The lease is lost. */
  drop(): void {
    this.#held = []
  }

  #tell(
    type: 'handled' | 'failed' | 'dead_letter',
    { event, attempts, at }: Delivery,
    error?: unknown,
  ): void {
    const { source, settings } = this.#context
    consumerChannel.publish({
      ...{ type, sale: source.sale, group: settings.group, partition: this.history.partition },
      ...{ event: event.type, attempt: attempts + 1, durationMs: source.clock.now() - at },
      ...(type !== 'handled' && { error }),
    })
  }

  async #deadLetter(delivery: Delivery, error: unknown): Promise<void> {
    const { backlog } = delivery
    await this.#context.deadLetter(delivery, error)
    this.#goOn(backlog, backlog.giveUp(delivery, messageOf(error)))
  }

  /** A delivery has ended: the next one of its key may begin. */
  #goOn(backlog: DeliveryBacklog, next: Delivery | undefined): void {
    const { workers, load } = this.#context
    if (next) workers.offerLate(next)
    if (load.starved && load.events <= tuning.lowLoad) {
      load.starved = false
      this.#context.leaseReleased()
    }
    this.#leader.ended(backlog)
  }
}
