import { type CommandCost, confirm, FULL_BATCH, join, reserve } from '../../src/cli/plan/figures.js'
import type { Plan } from '../../src/cli/plan/plan.js'
import { at } from '../../src/cli/plan/servers.js'
import { redisEngine } from '../../src/index.js'
import { Invariants } from '../lib/load/invariants.js'
import { startRedis } from '../lib/servers/redis/server.js'
import { Measure, type Taken } from './measure.js'

interface Compared {
  readonly what: string
  readonly unit: string
  /** Items of a call, as measured; the plan is for the same number. */
  readonly perCall: number
  readonly planned: number
  readonly measured: number
  readonly ratio: number
  /** How far off the ratio may be, up or down. */
  readonly factor: number
  readonly holds: boolean
}

export interface Checked {
  readonly partitions: number
  readonly rows: readonly Compared[]
  readonly invariants: ReturnType<Invariants['list']>
  readonly ok: boolean
}

/**
 * Machines differ in speed and in other load, so CPU may be off by more; bytes stored and sent are
 * the same everywhere.
 */
export const FACTORS = { cpu: 3, memory: 1.3, received: 1.3, sent: 1.3 } as const
const names = {
  cpu: ['CPU of the server', 'µs'],
  memory: ['memory', 'bytes'],
  received: ['sent to Redis', 'bytes'],
  sent: ['sent back', 'bytes'],
} as const

/** The least of the rounds counts, since other load on the machine only adds. */
const ROUNDS = 3
/** More partitions on one server would only take longer. */
const MOST_PARTITIONS = 64
/**
 * Units in all, at least, and for each partition: Redis packs a partition of a hundred reservations
 * closer than one of a real sale.
 */
const FULL = { units: 40_000, each: 2_000 }
const SMALL = { units: 4_000, each: 500 }
const JOINS = 40_000
/**
 * Callers of each partition for small batches: two calls are under way, and few callers wait for
 * the next one.
 */
const FEW = 4

/**
 * Runs small sales with the planned partitions on a new Redis: one that fills its batches, and one
 * with small batches.
 */
export async function check(plan: Plan, onRound: (round: number, of: number) => void): Promise<Checked> {
  const partitions = Math.min(plan.servers.partitions, MOST_PARTITIONS)
  const unitsOf = ({ units, each }: typeof FULL) => Math.max(units, each * partitions)
  const invariants = new Invariants()
  const redis = await startRedis()
  const engine = redisEngine(redis.url, { prefix: 'plan' })
  const measure = new Measure(engine, redis.url, invariants)
  const seen: Record<'full' | 'paid' | 'small' | 'joins', Taken[]> = {
    full: [],
    paid: [],
    small: [],
    joins: [],
  }
  try {
    await measure.sale(unitsOf(SMALL), partitions, 64) // warms up: Redis loads the scripts and sizes its buffers
    for (let round = 0; round < ROUNDS; round++) {
      onRound(round, ROUNDS)
      await measure.settled()
      // Two calls under way and one that is being filled, for each partition.
      const full = await measure.sale(unitsOf(FULL), partitions, 3 * FULL_BATCH * partitions)
      seen.full.push(full.reserve)
      seen.paid.push(full.confirm)
      seen.small.push((await measure.sale(unitsOf(SMALL), partitions, FEW * partitions)).reserve)
      if (plan.waitingRoom) seen.joins.push(await measure.joins(JOINS, 2_000))
    }
  } finally {
    measure.close()
    await engine.close()
    await redis.stop()
  }
  const rows = [
    ...compare('a reservation, full batches', reserve, seen.full),
    ...compare('a reservation, small batches', reserve, seen.small),
    ...compare('a payment', confirm, seen.paid),
    ...compare('a visitor who joins', join, seen.joins),
  ]
  const list = invariants.list()
  return {
    partitions,
    rows,
    invariants: list,
    ok: rows.every(({ holds }) => holds) && list.every(({ holds }) => holds),
  }
}

function compare(what: string, cost: CommandCost, rounds: readonly Taken[]): Compared[] {
  if (rounds.length === 0) return []
  return (['cpu', 'memory', 'received', 'sent'] as const).map((of) => {
    const { perCall, [of]: measured } = rounds.reduce((least, round) =>
      round[of] < least[of] ? round : least,
    )
    const planned = at(cost[of], perCall)
    const ratio = measured / planned
    const factor = FACTORS[of]
    const [name, unit] = names[of]
    const holds = ratio <= factor && ratio >= 1 / factor
    return { what: `${what}: ${name}`, unit, perCall, planned, measured, ratio, factor, holds }
  })
}
