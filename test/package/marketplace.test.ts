import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { visit } from '../../scripts/fulfilment/visit.js'
import { type Clock, processClock, type Timer } from '../../src/engine/clock.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { connectTo } from '../support/client.js'
import { OwnRedis } from '../support/own-redis.js'
import { TestClock } from '../support/test-clock.js'
import { wrapped } from '../support/wrapped-engine.js'

const SALES = 2_000
const QUIET_MS = 1_500

const redis = new OwnRedis()

/** The process' timers, counted. */
function counted(): { clock: Clock; readonly running: number } {
  const running = new Set<object>()
  const clock: Clock = {
    ...processClock,
    after(ms, callback): Timer {
      const mark = {}
      running.add(mark)
      const timer = processClock.after(ms, () => {
        running.delete(mark)
        callback()
      })
      return {
        keepAlive: (keep) => timer.keepAlive(keep),
        cancel() {
          running.delete(mark)
          timer.cancel()
        },
      }
    },
  }
  return {
    clock,
    get running() {
      return running.size
    },
  }
}

describe('thousands of sales on one client', () => {
  test('cost no timer, no connection and no call while they are quiet, and no consumer that has visited them either', async () => {
    const client = connectTo(redis.server)
    const watcher = redis.client
    const timers = counted()
    // The engine itself looks for sales to remove, now and then: see below.
    const engine = wrapped(redisEngine(client), { clock: timers.clock, lifecycle: undefined })
    /** Scripts that Redis has run by now. */
    const calls = async () => {
      const stats = await watcher.info('commandstats')
      return [...stats.matchAll(/cmdstat_(?:evalsha|eval|fcall):calls=(\d+)/g)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      )
    }
    const sales = Array.from(
      { length: SALES },
      (_, i) => new FlashSale(`store-${i}`, { engine, deadlineMs: 20_000 }),
    )
    let handled = 0
    const settings = { group: 'fulfilment', concurrency: 4 }
    const evening = async (sale: FlashSale) => {
      await sale.create({ stock: { tea: 10 }, holdMs: 300 })
      const buy = () => sale.reserve({ buyer: 'ann', items: [{ sku: 'tea', quantity: 1 }] })
      const [first] = await Promise.all([buy(), buy()])
      if (first.status === 'reserved') await sale.confirm(first.reservation.id)
      await visit(sale, settings, ({ type }) => {
        if (type === 'confirmed') handled++
      })
    }
    const queue = sales.values()
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (const sale of queue) await evening(sale)
      }),
    )
    expect(handled).toBe(SALES)
    const connections = async () => ((await watcher.client('LIST')) as string).trim().split('\n').length
    expect(await connections()).toBe(2)

    // The second holds expire, each store is swept, and the last deadline passes: then there is
    // nothing to wait for.
    const settled = async (before: number): Promise<void> => {
      await delay(QUIET_MS)
      const now = await calls()
      if (timers.running > 0 || now > before) await settled(now)
    }
    await settled(await calls())
    const before = await calls()
    await delay(QUIET_MS)
    expect(await calls()).toBe(before)
    expect(timers.running).toBe(0)
    expect(await connections()).toBe(2)
    for (const sale of sales.slice(0, 3))
      expect((await sale.stats()).skus.tea).toMatchObject({ confirmed: 1, held: 0, available: 9 })
    await Promise.all(sales.map((sale) => sale.close()))
  }, 600_000)

  test('to remove sales takes one timer for all of them, until the last handle is closed', async () => {
    const timers = counted()
    const engine = wrapped(redisEngine(connectTo(redis.server)), { clock: timers.clock })
    const sales = Array.from({ length: 10 }, (_, i) => new FlashSale(`store-${i}`, { engine }))
    expect(timers.running).toBe(1)
    const [last, ...others] = sales
    for (const sale of [...others, ...others]) await sale.close()
    expect(timers.running).toBe(1)
    await last!.close()
    expect(timers.running).toBe(0)
    await new FlashSale('later', { engine }).close()
    expect(timers.running).toBe(0)
  })

  test('what a consumer costs that stays: a look a second, and a sign of life every third of its lease', async () => {
    const client = connectTo(redis.server)
    const watcher = redis.client
    const clock = new TestClock()
    const sale = new FlashSale('quiet', { engine: clock.drive(redisEngine(client)) })
    await sale.create({ stock: { tea: 1 } })
    const consumer = sale.consume({ group: 'fulfilment' }, () => {})
    await clock.advance(4_000)
    await watcher.config('RESETSTAT')
    await clock.advance(4_000)
    const stats = await watcher.info('commandstats')
    const calls = Number(/cmdstat_fcall:calls=(\d+)/.exec(stats)?.[1] ?? 0)
    expect(calls).toBeLessThanOrEqual(8)
    expect(clock.timers).toBeLessThanOrEqual(4)
    await consumer.close()
    await sale.close()
  })
})
