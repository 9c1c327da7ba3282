import { chunksOf } from '../common/chunks.js'
import { between, type Clock } from '../engine/clock.js'
import type { GroupState } from '../engine/groups.js'
import type { PartitionConsumer } from './partition-consumer.js'
import type { EventSource } from './source.js'
import { WakeableTimer } from './wakeable-timer.js'

const tuning = {
  /**
   * Fractions of `leaseMs`. A consumer without a partition checks this often whether one is free.
   */
  standby: 0.1,
  /** A consumer that leads a partition checks this often. */
  look: 0.33,
  /** How long an offered partition is left to other consumers. */
  offer: 0.15,
  /**
   * How long a partition must have been free before a consumer that leads others takes it:
   * consumers without a partition come first.
   */
  yield: 0.2,
  /** The least time before the first offer, and between two offers. */
  firstOffer: 3,
  offerEvery: 6,
  /** How long handlers may take to finish before a partition changes hands. */
  finish: 1,
  maxStandbyMs: 1_000,
  /** Partitions that are read at a time. */
  atOnce: 8,
}

/**
 * The engine's state of the group in a partition; `undefined`: the group does not exist there,
 * `null`: the partition could not be read.
 */
type Told = GroupState | undefined | null

export interface LeaseBalancerOptions {
  readonly source: EventSource
  readonly group: string
  readonly consumer: string
  readonly leaseMs: number
  readonly partitions: readonly PartitionConsumer[]
  report(error: unknown): void
}

/**
 * Balances a group's partitions among its consumers. A consumer knows of the others only which
 * leases they hold. It leads at most its fair share, partitions divided by owners, rounded up. It
 * releases the partitions beyond that one by one, and takes free ones in a random order.
 *
 * A consumer without a partition is invisible to the others. So a consumer that leads several
 * partitions offers one now and then: it releases the partition for a moment, and takes it back if
 * no other consumer did. With the default lease that is 1.5 s a minute.
 */
export class LeaseBalancer {
  readonly #sharing: LeaseBalancerOptions
  readonly #clock: Clock
  readonly #timer: WakeableTimer
  #offerAt: number
  /** By partition: until when it is left to other consumers. */
  readonly #resting: number[]
  #stopped = false

  constructor(sharing: LeaseBalancerOptions) {
    this.#sharing = sharing
    this.#clock = sharing.source.clock
    this.#timer = new WakeableTimer(this.#clock)
    this.#resting = sharing.partitions.map(() => Number.NEGATIVE_INFINITY)
    this.#offerAt =
      this.#clock.now() + sharing.leaseMs * between(tuning.firstOffer, tuning.offerEvery, this.#clock)
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const next = this.#hasNothingToShare ? Number.POSITIVE_INFINITY : await this.#look()
      if (!this.#stopped) await this.#timer.sleep(next)
    }
  }

  /** A lease was won or lost. */
  changed(): void {
    if (!this.#hasNothingToShare) this.#timer.wake()
  }

  stop(): void {
    this.#stopped = true
    this.#timer.wake()
  }

  /** This consumer leads the only partition, which has no dead letters that others could retry. */
  get #hasNothingToShare(): boolean {
    const { partitions } = this.#sharing
    const backlog = partitions[0]!.backlog
    return partitions.length === 1 && backlog !== undefined && backlog.knowsDead && backlog.dead === 0
  }

  get #standbyMs(): number {
    return Math.min(tuning.maxStandbyMs, tuning.standby * this.#sharing.leaseMs)
  }

  /** Returns when to check again. */
  async #look(): Promise<number> {
    const { partitions, leaseMs, report } = this.#sharing
    const failures: unknown[] = []
    const states = await this.#states(failures)
    if (this.#stopped) return Number.POSITIVE_INFINITY
    const owners = new Set([this.#sharing.consumer])
    for (const [partition, state] of states.entries())
      if (state?.consumer && !this.#isFree(partition, state)) owners.add(state.consumer)
    const fair = Math.ceil(partitions.length / owners.size)
    const mine = partitions.filter(({ leads, leaving }) => leads && !leaving)
    if (mine.length > fair) this.#letGo(mine)
    else if (mine.length < fair) this.#take(states, fair - mine.length, mine.length > 0)
    else this.#offer(mine)
    if (failures.length > 0) {
      report(failures[0])
      return this.#clock.now() + this.#standbyMs * (1 + this.#clock.random())
    }
    return this.#nextLook(states, mine.length > 0 ? tuning.look * leaseMs : this.#standbyMs)
  }

  /** If one partition is away, this consumer must still get the others. */
  async #states(failures: unknown[]): Promise<Told[]> {
    const { source, group, partitions } = this.#sharing
    const states: Told[] = []
    for (const some of chunksOf(partitions, tuning.atOnce)) {
      const asked = some.map(async (follower) => {
        try {
          const { groups } = await source.ask(follower.partition, 'groups', {})
          const state = groups.find((one) => one.group === group)
          if (state) follower.observe(state)
          return state
        } catch (error) {
          failures.push(error)
          return null
        }
      })
      states.push(...(await Promise.all(asked)))
    }
    return states
  }

  #isFree(partition: number, { until }: GroupState): boolean {
    return until <= this.#sharing.source.serverTime(partition)
  }

  #letGo(mine: readonly PartitionConsumer[]): void {
    const one = mine[Math.floor(this.#clock.random() * mine.length)]!
    one.leave(tuning.finish * this.#sharing.leaseMs)
  }

  /** @param late Whether other consumers come first. */
  #take(states: readonly Told[], count: number, late: boolean): void {
    const { partitions, consumer, leaseMs, source } = this.#sharing
    const now = this.#clock.now()
    const free = partitions.filter(({ leads, partition }) => {
      if (leads || this.#resting[partition]! > now) return false
      const state = states[partition]
      if (state === null) return false
      if (!state || state.consumer === null) return true
      if (!this.#isFree(partition, state)) return false
      const patience = late && state.consumer !== consumer ? tuning.yield * leaseMs : 0
      return source.serverTime(partition) - state.until >= patience
    })
    for (; count > 0 && free.length > 0; count--) {
      const at = Math.floor(this.#clock.random() * free.length)
      free.splice(at, 1)[0]!.claim()
    }
  }

  #offer(mine: readonly PartitionConsumer[]): void {
    const now = this.#clock.now()
    if (mine.length < 2 || now < this.#offerAt) return
    const { leaseMs } = this.#sharing
    this.#offerAt = now + tuning.offerEvery * leaseMs
    const one = mine[Math.floor(this.#clock.random() * mine.length)]!
    this.#resting[one.partition] = now + tuning.offer * leaseMs
    one.leave(tuning.finish * leaseMs)
  }

  #nextLook(states: readonly Told[], longest: number): number {
    const { source, leaseMs } = this.#sharing
    const now = this.#clock.now()
    let wait = longest * between(0.75, 1.25, this.#clock)
    for (const [partition, state] of states.entries()) {
      if (!state || this.#sharing.partitions[partition]!.leads) continue
      // A lease that is not renewed is free at its end. A free one is left to consumers without a
      // partition for a while.
      const left = state.until - source.serverTime(partition)
      if (left > 0) wait = Math.min(wait, left + 1)
      else if (left + tuning.yield * leaseMs > 0) wait = Math.min(wait, left + tuning.yield * leaseMs + 1)
    }
    for (const until of this.#resting) if (until > now) wait = Math.min(wait, until - now)
    return now + wait
  }
}
