/**
 * The parts of the bench that compare calls, in their smallest runs: that they are correct, and
 * that they feed their targets. What they measure on a machine that does other things says nothing.
 */
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { measure as callers } from '../../bench/callers.js'
import { measure as growth } from '../../bench/growth.js'
import { measure as latency } from '../../bench/latency.js'
import type { PartResult } from '../../bench/part.js'
import { corkWrites, knowPlainScripts, PlainSale } from '../../bench/plain/plain-sale.js'
import { judge } from '../../bench/report/targets.js'
import { commandUse } from '../../scripts/lib/load/server-meter.js'
import { benchContext } from '../support/bench-context.js'
import { OwnRedis } from '../support/own-redis.js'

const redis = new OwnRedis()
const context = () => benchContext(redis)

function targetsOf({ figures, invariants }: PartResult): string[] {
  expect(invariants.filter(({ holds }) => !holds)).toEqual([])
  const judged = judge(new Map(figures.map((figure) => [figure.id, figure])))
  return judged.filter(({ verdict }) => verdict !== 'not measured').map(({ label }) => label)
}

describe('smallest runs', () => {
  test('of callers: all invariants hold, and every ratio is measured', async () => {
    const counts = [1, 8, 64, 512, 2_000].map((number) => [number, 60] as const)
    const result = await callers(context(), { rounds: 1, counts, young: [50, 100] })
    expect(targetsOf(result)).toHaveLength(6)
    expect(result.charts).toHaveLength(4)
    for (const chart of result.charts) expect(chart).toMatchObject({ x: { log: true }, y: { log: true } })
  })

  test('of growth: all invariants hold, and Redis and Node are measured for each of the five', async () => {
    const sizes = { reservations: [10, 100], holds: [1, 8], lines: [1, 5], skus: [1, 5], sales: [1, 40] }
    const result = await growth(context(), { rounds: 2, count: 30, sizes })
    expect(targetsOf(result)).toEqual([])
    expect(result.figures).toHaveLength(10)
    expect(result.tables[0]?.rows).toHaveLength(10)
  })

  test('of latency: every request of the other process is answered', async () => {
    const result = await latency(context(), { rounds: 1, ceilingSeconds: 0.1, loadSeconds: 0.2 })
    expect(targetsOf(result)).toEqual(['p99 at 50 % of the ceiling'])
  })
})

describe('the plain scripts', () => {
  let client: Redis
  beforeAll(async () => {
    client = knowPlainScripts(new Redis(redis.url))
    await client.ping()
  })
  afterAll(() => client.disconnect())
  afterEach(async () => void (await client.flushall()))

  test('keep stock, limit and key, and confirm a hold once', async () => {
    const sale = new PlainSale(client, 'plain', 2)
    await sale.create(4)
    expect(await sale.reserve('a', 'ann')).toBe('reserved')
    expect(await sale.reserve('a', 'ann')).toBe('repeated')
    expect(await sale.reserve('b', 'ann', 2)).toBe('refused')
    expect(await sale.reserve('c', 'ben', 2)).toBe('reserved')
    expect(await sale.reserve('d', 'cat', 2)).toBe('refused')
    expect(await sale.confirm('a', 'paid')).toBe(true)
    expect(await sale.confirm('a', 'paid')).toBe(false)
    expect(await sale.confirm('z', 'paid')).toBe(false)
    expect(await sale.counts()).toEqual({ left: 1, holds: 2, pending: 1, events: 3 })
  })

  test('corked, the commands of one turn leave in one write', async () => {
    const writes: number[] = []
    const { stream } = client
    const { _writev, _write } = stream as unknown as Record<'_writev' | '_write', (...all: unknown[]) => void>
    Object.assign(stream, {
      _writev: (chunks: unknown[], ...rest: unknown[]) => {
        writes.push(chunks.length)
        _writev.call(stream, chunks, ...rest)
      },
      _write: (...all: unknown[]) => {
        writes.push(1)
        _write.apply(stream, all)
      },
    })
    corkWrites(client)
    expect(await Promise.all([client.ping(), client.ping(), client.ping()])).toEqual(['PONG', 'PONG', 'PONG'])
    expect(writes).toEqual([3])
    expect(await client.ping()).toBe('PONG')
  })
})

test('calls of functions count as calls of scripts do, each command by its whole name', () => {
  const info = [
    'cmdstat_evalsha:calls=3,usec=30,usec_per_call=10.00',
    'cmdstat_evalsha_ro:calls=5,usec=500,usec_per_call=100.00',
    'cmdstat_fcall:calls=2,usec=7,usec_per_call=3.50',
  ].join('\r\n')
  expect(commandUse(info, 'evalsha', 'fcall')).toEqual({ calls: 5, time: 37 })
  expect(commandUse(info, 'evalsha_ro')).toEqual({ calls: 5, time: 500 })
  expect(commandUse(info, 'eval')).toEqual({ calls: 0, time: 0 })
})
