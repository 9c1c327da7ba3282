import { consumerChannel } from '../telemetry/channels.js'
import type { Acknowledgement, Backlog } from './backlog.js'
import { type ConsumerContext, SETTLE_MS } from './consumer-context.js'
import { Trimming } from './trimming.js'

/** The right of one consumer to a partition of its group. */
export class Lease {
  readonly epoch: number
  /**
   * By the process's clock, counted from the request: the lease expires here before it expires in
   * the engine.
   */
  until = 0
  renewAt = 0

  constructor(epoch: number, askedAt: number, leaseMs: number) {
    this.epoch = epoch
    this.renew(askedAt, leaseMs)
  }

  renew(askedAt: number, leaseMs: number): void {
    this.until = askedAt + leaseMs
    this.renewAt = askedAt + leaseMs / 3
  }
}

/**
 * - `nothing`: there was nothing to acknowledge.
 * - `acknowledged`: the engine has the acknowledgement, and the lease is renewed.
 * - `fenced`, `gone`: the lease was lost, or the group was removed.
 */
export type Told = 'nothing' | 'acknowledged' | 'fenced' | 'gone'

/**
 * Acknowledges the handled events of a partition in the engine, some time after they were handled.
 */
export class Acknowledger {
  /** When the next acknowledgement is due, by the process's clock. */
  at = Number.POSITIVE_INFINITY
  readonly #partition: number
  readonly #context: ConsumerContext
  readonly #trimming: Trimming

  constructor(partition: number, context: ConsumerContext) {
    this.#partition = partition
    this.#context = context
    this.#trimming = new Trimming(partition, context)
  }

  /** Plans an acknowledgement. Returns whether none was planned before. */
  plan(): boolean {
    if (this.at < Number.POSITIVE_INFINITY) return false
    this.postpone()
    return true
  }

  postpone(): void {
    this.at = this.#context.source.clock.now() + SETTLE_MS
  }

  clear(): void {
    this.at = Number.POSITIVE_INFINITY
  }

  /**
   * Acknowledges what is new, and renews the lease for `leaseMs`.
   *
   * @param heard Called as soon as the engine has the acknowledgement.
   */
  async send(
    backlog: Backlog,
    lease: Lease,
    leaseMs: number,
    heard: (what: Acknowledgement, askedAt: number) => void,
  ): Promise<Told> {
    const { source, settings, consumer } = this.#context
    const at = source.clock.now()
    const what = backlog.acknowledge(at)
    this.clear()
    if (!what.news && !this.#trimming.isDue(at) && at < lease.renewAt && leaseMs > 0) return 'nothing'
    const { park, unpark } = what
    // Sends a position only if it is new: an engine that has lost earlier acknowledgements must not
    // learn them again from this call.
    const position = what.news ? what.position : 0
    const trim = this.#trimming.at(at)
    const op = {
      group: settings.group,
      consumer,
      epoch: lease.epoch,
      leaseMs,
      position,
      park,
      unpark,
      trim,
    }
    const answer = await source.ask(this.#partition, 'acknowledge', op).catch((error) => {
      backlog.revert(what)
      this.at = at
      throw error
    })
    if (answer.status !== 'acknowledged') return answer.status
    lease.renew(at, leaseMs)
    heard(what, at)
    if (consumerChannel.hasSubscribers) this.#tell(what.position, backlog)
    if (trim) {
      const latest = source.latest(this.#partition).sequence
      this.at = Math.min(this.at, this.#trimming.done(answer.first, latest, at))
    }
    return 'acknowledged'
  }

  #tell(position: number, { parked, dead }: Backlog): void {
    const { source, settings } = this.#context
    const latest = Math.max(position, source.latest(this.#partition).sequence)
    consumerChannel.publish({
      ...{ type: 'progress', sale: source.sale, group: settings.group, partition: this.#partition },
      ...{ position, latest, lag: latest - position, parked, dead },
    })
  }
}
