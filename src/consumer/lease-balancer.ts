import { chunksOf } from '../common/chunks.js'
import { between, type Timing } from '../engine/clock.js'
import type { GroupState } from '../engine/groups.js'
import type { Follower } from './partition-consumer.js'
import type { EventSource } from './source.js'
import { Alarm } from './wakeable-timer.js'

const tuning = {
  /** Shares of `leaseMs`. Who leads nothing looks this often whether a partition has become free. */
  standby: 0.1,
  /** Who leads some looks this often. */
  look: 0.33,
  /** How long an offered partition is left to others, */
  offer: 0.15,
  /** and how long one must have been free until a consumer takes it that leads some already: those that lead none come first. */
  yield: 0.2,
  /** Before the first offer, at least, and between two. */
  firstOffer: 3,
  offerEvery: 6,
  /** How long handlers may take to finish before a partition changes hands. */
  finish: 1,
  maxStandbyMs: 1_000,
  /** Partitions that are asked at a time. */
  atOnce: 8,
}

/** What the engine says of the group in a partition; `undefined`: there is none, `null`: it could not be asked. */
type Told = GroupState | undefined | null

export interface Sharing {
  readonly source: EventSource
  readonly group: string
  readonly consumer: string
  readonly leaseMs: number
  readonly followers: readonly Follower[]
  report(error: unknown): void
}

/**
 * Shares a group's partitions out among its consumers, without their knowing more of each other than who has which lease. A consumer leads no
 * more than its fair share, partitions through owners, rounded up; what it has beyond, it lets go one by one, and takes what is free in a random order.
 *
 * Who leads nothing is seen by nobody. So a consumer that leads several offers one now and then: it lets go of it for a moment, and has it back
 * if nobody came. With the default lease that is 1.5 s a minute.
 */
export class Shares {
  readonly #sharing: Sharing
  readonly #timing: Timing
  readonly #alarm: Alarm
  #offerAt: number
  /** By partition: until when it is left to others. */
  readonly #resting: number[]
  #stopped = false

  constructor(sharing: Sharing) {
    this.#sharing = sharing
    this.#timing = sharing.source.timing
    this.#alarm = new Alarm(this.#timing)
    this.#resting = sharing.followers.map(() => Number.NEGATIVE_INFINITY)
    this.#offerAt =
      this.#timing.now() + sharing.leaseMs * between(tuning.firstOffer, tuning.offerEvery, this.#timing)
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const next = this.#hasNothingToShare ? Number.POSITIVE_INFINITY : await this.#look()
      if (!this.#stopped) await this.#alarm.sleep(next)
    }
  }

  /** A lease was won or lost. */
  changed(): void {
    if (!this.#hasNothingToShare) this.#alarm.wake()
  }

  stop(): void {
    this.#stopped = true
    this.#alarm.wake()
  }

  /** The only partition is led here, and nothing lies there that others could have revived. */
  get #hasNothingToShare(): boolean {
    const { followers } = this.#sharing
    const backlog = followers[0]!.backlog
    return followers.length === 1 && backlog !== undefined && backlog.knowsDead && backlog.dead === 0
  }

  get #standbyMs(): number {
    return Math.min(tuning.maxStandbyMs, tuning.standby * this.#sharing.leaseMs)
  }

  /** Answers when to look again. */
  async #look(): Promise<number> {
    const { followers, leaseMs, report } = this.#sharing
    const failures: unknown[] = []
    const states = await this.#states(failures)
    if (this.#stopped) return Number.POSITIVE_INFINITY
    const owners = new Set([this.#sharing.consumer])
    for (const [partition, state] of states.entries())
      if (state?.consumer && !this.#isFree(partition, state)) owners.add(state.consumer)
    const fair = Math.ceil(followers.length / owners.size)
    const mine = followers.filter(({ leads, leaving }) => leads && !leaving)
    if (mine.length > fair) this.#letGo(mine)
    else if (mine.length < fair) this.#take(states, fair - mine.length, mine.length > 0)
    else this.#offer(mine)
    if (failures.length > 0) {
      report(failures[0])
      return this.#timing.now() + this.#standbyMs * (1 + this.#timing.random())
    }
    return this.#nextLook(states, mine.length > 0 ? tuning.look * leaseMs : this.#standbyMs)
  }

  /** One partition that is away must not keep this consumer from the others. */
  async #states(failures: unknown[]): Promise<Told[]> {
    const { source, group, followers } = this.#sharing
    const states: Told[] = []
    for (const some of chunksOf(followers, tuning.atOnce)) {
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
    return until <= this.#sharing.source.serverNow(partition)
  }

  #letGo(mine: readonly Follower[]): void {
    const one = mine[Math.floor(this.#timing.random() * mine.length)]!
    one.leave(tuning.finish * this.#sharing.leaseMs)
  }

  /** @param late Others come first. */
  #take(states: readonly Told[], count: number, late: boolean): void {
    const { followers, consumer, leaseMs, source } = this.#sharing
    const now = this.#timing.now()
    const free = followers.filter(({ leads, partition }) => {
      if (leads || this.#resting[partition]! > now) return false
      const state = states[partition]
      if (state === null) return false
      if (!state || state.consumer === null) return true
      if (!this.#isFree(partition, state)) return false
      const patience = late && state.consumer !== consumer ? tuning.yield * leaseMs : 0
      return source.serverNow(partition) - state.until >= patience
    })
    for (; count > 0 && free.length > 0; count--) {
      const at = Math.floor(this.#timing.random() * free.length)
      free.splice(at, 1)[0]!.claim()
    }
  }

  #offer(mine: readonly Follower[]): void {
    const now = this.#timing.now()
    if (mine.length < 2 || now < this.#offerAt) return
    const { leaseMs } = this.#sharing
    this.#offerAt = now + tuning.offerEvery * leaseMs
    const one = mine[Math.floor(this.#timing.random() * mine.length)]!
    this.#resting[one.partition] = now + tuning.offer * leaseMs
    one.leave(tuning.finish * leaseMs)
  }

  #nextLook(states: readonly Told[], longest: number): number {
    const { source, leaseMs } = this.#sharing
    const now = this.#timing.now()
    let wait = longest * between(0.75, 1.25, this.#timing)
    for (const [partition, state] of states.entries()) {
      if (!state || this.#sharing.followers[partition]!.leads) continue
      // A lease that is not renewed will be free then; one that is free, for those who came first, a while later.
      const left = state.until - source.serverNow(partition)
      if (left > 0) wait = Math.min(wait, left + 1)
      else if (left + tuning.yield * leaseMs > 0) wait = Math.min(wait, left + tuning.yield * leaseMs + 1)
    }
    for (const until of this.#resting) if (until > now) wait = Math.min(wait, until - now)
    return now + wait
  }
}
