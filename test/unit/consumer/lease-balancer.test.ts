import { describe, expect, test } from 'vitest'
import { LeaseBalancer, type LeaseBalancerOptions } from '../../../src/consumer/lease-balancer.js'
import type { PartitionConsumer } from '../../../src/consumer/partition-consumer.js'
import type { GroupState } from '../../../src/engine/groups.js'
import { settled, TestClock } from '../../support/test-clock.js'

const LEASE = 1_000
/** What the server's clock is ahead of the process'. */
const AHEAD = 5_000_000

/**
 * A partition as one consumer sees it: the state its group has in the engine, and what this
 * consumer was told to do with it.
 */
class Partition {
  leads = false
  leaving = false
  claims = 0
  left: number[] = []
  leftAt = 0
  observed = 0
  state: GroupState | undefined
  backlog: { knowsDead: boolean; dead: number } | undefined

  constructor(
    readonly partition: number,
    readonly clock: TestClock,
  ) {}

  claim(): void {
    this.claims++
  }

  leave(withinMs: number): void {
    this.left.push(withinMs)
    this.leftAt = this.clock.now()
  }

  observe(): void {
    this.observed++
  }

  /** The group's lease is this consumer's for so many ms from now, or was until so many ms ago. */
  leased(consumer: string | null, ms: number): void {
    const until = AHEAD + this.clock.now() + ms
    this.state = { group: 'g', consumer, until, position: 0, parked: 0, dead: 0 } as GroupState
  }

  /** This consumer leads it. */
  lead(): void {
    this.leads = true
    this.leased('me', LEASE)
  }
}

function shared(count: number, fails = () => false, clock = new TestClock(100_000)) {
  const partitions = Array.from({ length: count }, (_, i) => new Partition(i, clock))
  const reports: unknown[] = []
  const looks: number[] = []
  const source = {
    clock,
    serverTime: () => AHEAD + clock.now(),
    async ask(partition: number) {
      if (partition === 0) looks.push(clock.now())
      if (fails()) throw new Error('away')
      const { state } = partitions[partition]!
      const other = { group: 'other', consumer: 'x', until: Number.POSITIVE_INFINITY }
      return { groups: [other, ...(state ? [state] : [])] }
    },
  }
  const shares = new LeaseBalancer({
    ...{
      source: source as unknown as LeaseBalancerOptions['source'],
      group: 'g',
      consumer: 'me',
      leaseMs: LEASE,
    },
    partitions: partitions as unknown as PartitionConsumer[],
    report: (error) => reports.push(error),
  })
  const run = async () => {
    void shares.run()
    await settled()
  }
  const claims = () => partitions.map((one) => one.claims)
  const left = () => partitions.filter((one) => one.left.length > 0).map(({ partition }) => partition)
  return { clock, partitions, shares, looks, reports, run, claims, left }
}

describe('what is free is taken', () => {
  test('at once where no group is there, or no consumer has the lease', async () => {
    const { partitions, run, claims, reports } = shared(2)
    partitions[1]!.leased(null, 0)
    await run()
    expect(claims()).toEqual([1, 1])
    expect(reports).toEqual([])
  })

  test('not where another has it, up to the moment its lease ends', async () => {
    const { partitions, run, claims, clock } = shared(1)
    partitions[0]!.leased('other', 50)
    await run()
    expect(claims()).toEqual([0])
    await clock.advance(50)
    expect(claims()).toEqual([0])
    await clock.advance(1)
    expect(claims()).toEqual([1])
  })

  test('at the moment the lease ends, it is over', async () => {
    const { partitions, run, claims } = shared(1)
    partitions[0]!.leased('other', 0)
    await run()
    expect(claims()).toEqual([1])
  })

  test('no more than a fair share of it, rounded up', async () => {
    const { partitions, run, claims } = shared(5)
    partitions[0]!.leased('other', LEASE)
    await run()
    expect(claims().reduce((sum, one) => sum + one, 0)).toBe(3)
    expect(claims()[0]).toBe(0)
  })

  test('whichever chance chooses', async () => {
    const { partitions, clock, run, claims } = shared(4)
    partitions[0]!.leased('other', LEASE)
    clock.luck = 0.999
    await run()
    expect(claims()).toEqual([0, 0, 1, 1])
  })

  test('up to the fair share, where it leads some already', async () => {
    const { partitions, run, claims } = shared(5)
    partitions[0]!.lead()
    partitions[1]!.leased('other', LEASE)
    await run()
    // Three of five; two others are left to the other consumer.
    expect(claims()).toEqual([0, 0, 1, 1, 0])
  })

  test('a while later by a consumer that leads some already', async () => {
    const { partitions, run, claims, clock } = shared(2)
    partitions[0]!.lead()
    partitions[1]!.leased('other', -100)
    await run()
    expect(claims()).toEqual([0, 0])
    // It looks as soon as those who lead none have had their time: a fifth of a lease.
    partitions[0]!.lead()
    await clock.advance(100)
    expect(claims()).toEqual([0, 0])
    await clock.advance(1)
    expect(claims()).toEqual([0, 1])
  })

  test('at once where it was this consumer that had it', async () => {
    const { partitions, run, claims } = shared(2)
    partitions[0]!.lead()
    partitions[1]!.leased('me', -1)
    await run()
    expect(claims()).toEqual([0, 1])
  })
})

describe('what is more than the fair share', () => {
  test('is let go one by one, with a lease for the handlers to finish', async () => {
    const { partitions, run, claims } = shared(4)
    for (const one of partitions.slice(0, 3)) one.lead()
    partitions[3]!.leased('other', LEASE)
    await run()
    expect(partitions.flatMap(({ left }) => left)).toEqual([LEASE])
    expect(claims()).toEqual([0, 0, 0, 0])
  })

  test('is chosen by chance', async () => {
    const { partitions, run, left, clock } = shared(4)
    for (const one of partitions.slice(0, 3)) one.lead()
    partitions[3]!.leased('other', LEASE)
    clock.luck = 0.9
    await run()
    expect(left()).toEqual([2])
  })

  test('is not that which is being left already', async () => {
    const { partitions, run, left } = shared(4)
    for (const one of partitions.slice(0, 3)) one.lead()
    partitions[0]!.leaving = true
    partitions[3]!.leased('other', LEASE)
    await run()
    expect(left()).toEqual([])
  })

  test('counts owners whose lease is over no more', async () => {
    const { partitions, run, left } = shared(4)
    for (const one of partitions.slice(0, 3)) one.lead()
    partitions[3]!.leased('other', 0)
    await run()
    expect(left()).toEqual([])
  })
})

describe('a consumer that leads several', () => {
  /** Looks until it has offered one. */
  async function offered() {
    const all = shared(2)
    for (const one of all.partitions) one.lead()
    await all.run()
    const begun = all.clock.now()
    while (all.left().length === 0) {
      await all.clock.advance(10)
      for (const one of all.partitions) one.lead()
      expect(all.clock.now() - begun).toBeLessThan(20 * LEASE)
    }
    return { ...all, after: all.clock.now() - begun }
  }

  test('offers one after some leases, the first one sooner', async () => {
    const { after, clock, partitions } = await offered()
    // Half of the time between two offers, by the worst of luck.
    expect(after).toBeGreaterThanOrEqual(3 * LEASE)
    expect(after).toBeLessThan(3.5 * LEASE)
    const begun = clock.now()
    const given = () => partitions.flatMap(({ left }) => left).length
    while (given() < 2) {
      await clock.advance(10)
      for (const one of partitions) one.lead()
    }
    expect(clock.now() - begun).toBeGreaterThanOrEqual(6 * LEASE)
    expect(clock.now() - begun).toBeLessThan(6.5 * LEASE)
  })

  test('offers it at the very moment, and whichever chance chooses, with a lease for the handlers to finish', async () => {
    const { partitions, run, left, clock, shares } = shared(2)
    for (const one of partitions) one.leased('me', 100 * LEASE)
    for (const one of partitions) one.leads = true
    await run()
    await clock.advance(3 * LEASE - 1)
    clock.luck = 0.9
    shares.changed()
    await settled()
    expect(left()).toEqual([])
    await clock.advance(1)
    shares.changed()
    await settled()
    expect(left()).toEqual([1])
    expect(partitions[1]!.left).toEqual([LEASE])
  })

  test('offers the first one later by chance, and no later than every other', async () => {
    const clock = new TestClock()
    clock.luck = 0.5
    const { partitions, run, left, shares } = shared(2, undefined, clock)
    for (const one of partitions) one.leased('me', 100 * LEASE)
    for (const one of partitions) one.leads = true
    await run()
    await clock.advance(4.5 * LEASE - 1)
    shares.changed()
    await settled()
    expect(left()).toEqual([])
    await clock.advance(1)
    shares.changed()
    await settled()
    expect(left()).toHaveLength(1)
  })

  test('leaves it to others for a while, then takes it back', async () => {
    const { partitions, left, claims, clock, shares } = await offered()
    const one = partitions[left()[0]!]!
    one.leads = false
    one.leased('me', 0)
    shares.changed()
    await settled()
    expect(claims()).toEqual([0, 0])
    await clock.advance(one.leftAt + 0.15 * LEASE - 1 - clock.now())
    expect(claims()).toEqual([0, 0])
    for (const other of partitions) if (other !== one) other.lead()
    await clock.advance(1)
    expect(one.claims).toBe(1)
  })

  test('offers nothing that is the only one it leads', async () => {
    const { partitions, run, left, clock } = shared(2)
    partitions[0]!.lead()
    partitions[1]!.leased('other', 1_000 * LEASE)
    await run()
    for (let i = 0; i < 200; i++) {
      await clock.advance(100)
      partitions[0]!.lead()
    }
    expect(left()).toEqual([])
  })
})

describe('how often it is looked', () => {
  test('by a consumer that leads nothing: ten times a lease, a quarter more or less by chance', async () => {
    const { partitions, run, looks, clock } = shared(1)
    partitions[0]!.leased('other', 100 * LEASE)
    await run()
    await clock.advance(75)
    expect(looks).toHaveLength(2)
    clock.luck = 1
    await clock.advance(75)
    expect(looks).toHaveLength(3)
    await clock.advance(124)
    expect(looks).toHaveLength(3)
    await clock.advance(1)
    expect(looks).toHaveLength(4)
  })

  test('by a consumer that leads some: three times a lease', async () => {
    const { partitions, run, looks, clock } = shared(2)
    partitions[0]!.lead()
    partitions[1]!.leased('other', 100 * LEASE)
    await run()
    await clock.advance(247)
    expect(looks).toHaveLength(1)
    await clock.advance(1)
    expect(looks).toHaveLength(2)
  })

  test('at once when a lease was won or lost, and never once it is stopped', async () => {
    const { partitions, run, looks, shares, clock } = shared(2)
    for (const one of partitions) one.leased('other', 100 * LEASE)
    await run()
    shares.changed()
    await settled()
    expect(looks).toHaveLength(2)
    shares.stop()
    await clock.advance(10 * LEASE)
    expect(looks).toHaveLength(2)
    expect(clock.timers).toBe(0)
  })

  test('not at all while the only partition is led here and nothing is dead there', async () => {
    const { partitions, run, looks, shares, clock } = shared(1)
    partitions[0]!.lead()
    partitions[0]!.backlog = { knowsDead: true, dead: 0 }
    await run()
    await clock.advance(100 * LEASE)
    shares.changed()
    await settled()
    expect(looks).toEqual([])
    // From the first dead letter on others may revive it.
    partitions[0]!.backlog.dead = 1
    shares.changed()
    await settled()
    expect(looks).toHaveLength(1)
  })

  test('looks for dead letters where it is not known whether there are any', async () => {
    const { partitions, run, looks } = shared(1)
    partitions[0]!.lead()
    partitions[0]!.backlog = { knowsDead: false, dead: 0 }
    await run()
    expect(looks).toHaveLength(1)
  })

  test('of several, also where nothing is dead', async () => {
    const { partitions, run, looks } = shared(2)
    for (const one of partitions) {
      one.lead()
      one.backlog = { knowsDead: true, dead: 0 }
    }
    await run()
    expect(looks).toHaveLength(1)
  })

  test('a failure is told, and it is looked again after a tenth of a lease, or up to twice that by chance', async () => {
    let away = true
    const { partitions, run, looks, reports, clock } = shared(1, () => away)
    partitions[0]!.leased('other', 100 * LEASE)
    await run()
    expect(reports).toHaveLength(1)
    clock.luck = 1
    await clock.advance(100)
    expect(looks).toHaveLength(2)
    await clock.advance(199)
    expect(looks).toHaveLength(2)
    away = false
    await clock.advance(1)
    expect(looks).toHaveLength(3)
    expect(reports).toHaveLength(2)
    expect(partitions[0]!.observed).toBe(1)
  })

  test('as soon as a lease that is not renewed is over', async () => {
    const { partitions, run, looks, clock } = shared(1)
    partitions[0]!.leased('other', 1)
    await run()
    await clock.advance(1)
    expect(looks).toHaveLength(1)
    await clock.advance(1)
    expect(looks).toHaveLength(2)
  })

  test.each([
    // ms since the lease of another was over, and when it is looked again by a consumer that leads
    // some.
    [0, 201],
    [199, 2],
    [200, 248],
  ])('%i ms after a lease was over: after %i ms', async (ago, after) => {
    const { partitions, run, looks, clock } = shared(2)
    partitions[0]!.lead()
    partitions[1]!.leased('other', -ago)
    await run()
    await clock.advance(after - 1)
    expect(looks).toHaveLength(1)
    await clock.advance(1)
    expect(looks).toHaveLength(2)
  })

  test('no more once it is stopped, also where it sleeps', async () => {
    const { partitions, shares, clock } = shared(1)
    partitions[0]!.leased('other', 100 * LEASE)
    const ended = shares.run()
    await settled()
    shares.stop()
    await ended
    expect(clock.timers).toBe(0)
  })

  test('with a long lease, no more seldom than once a second', async () => {
    const clock = new TestClock()
    let looks = 0
    const source = {
      clock,
      serverTime: () => clock.now(),
      async ask() {
        looks++
        return { groups: [{ group: 'g', consumer: 'other', until: Number.MAX_SAFE_INTEGER }] }
      },
    } as unknown as LeaseBalancerOptions['source']
    const partitions = [new Partition(0, clock)] as unknown as PartitionConsumer[]
    const shares = new LeaseBalancer({
      source,
      group: 'g',
      consumer: 'me',
      leaseMs: 3_600_000,
      partitions,
      report() {},
    })
    clock.luck = 0.5
    void shares.run()
    await settled()
    await clock.advance(1_000)
    expect(looks).toBe(2)
  })
})
