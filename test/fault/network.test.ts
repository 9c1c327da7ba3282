import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Fault, FaultyRedis } from '../../src/testing.js'
import { until } from '../support/consumers.js'
import { openTrial, type Stage, type TrialOptions } from './support/trial.js'
import { verdict } from './support/verdict.js'

/** Load, a fault, an end of it; then everything must be as if nothing had been. */
async function endure(fault: (stage: Stage) => Promise<unknown>, options?: TrialOptions): Promise<Stage> {
  const stage = await openTrial(options)
  stage.crowd.start()
  await stage.crowd.hears('confirmed', 50)
  await fault(stage)
  await stage.proxy.heal()
  await stage.crowd.buysOnEveryHandle()
  await stage.crowd.stop()
  await verdict(stage, [stage.crowd])
  return stage
}

describe('requests and replies are lost with their connection', () => {
  test.each<[string, (proxy: FaultyRedis) => Fault]>([
    ['requests dropped', (proxy) => proxy.dropRequests({ chance: 0.05 })],
    ['replies dropped', (proxy) => proxy.dropReplies({ chance: 0.05 })],
    ['replies cut in the middle', (proxy) => proxy.cutReplies({ chance: 0.05 })],
    ['requests of every kind dropped', (proxy) => proxy.dropRequests({ chance: 0.05, commands: 'all' })],
    ['replies of every kind dropped', (proxy) => proxy.dropReplies({ chance: 0.05, commands: 'all' })],
  ])('%s', async (_, order) => {
    let fault: Fault | undefined
    const { crowd } = await endure(async ({ proxy, crowd }) => {
      fault = order(proxy)
      await crowd.hears('UNKNOWN_OUTCOME')
      await until(() => fault!.hits > 3, 'that more are hit')
    })
    expect(fault!.hits).toBeGreaterThan(3)
    expect(crowd.count('UNKNOWN_OUTCOME')).toBeGreaterThan(0)
  })
})

describe('a connection goes silent, and is ended at last', () => {
  test.each(['dropRequests', 'dropReplies'] as const)('%s', async (drop) => {
    const { crowd } = await endure(async ({ proxy, crowd }) => {
      for (let round = 0; round < 2; round++) {
        proxy[drop]({ times: 3, connection: 'silent' })
        await crowd.hears('UNKNOWN_OUTCOME', 20)
        await proxy.heal()
        proxy.cutConnections()
        await crowd.hears('reserved', 20)
      }
    })
    expect(crowd.count('UNKNOWN_OUTCOME')).toBeGreaterThan(39)
  })
})

describe('one direction is a black hole', () => {
  test.each(['requests', 'replies'] as const)('%s: they arrive late, all at once', async (direction) => {
    const { crowd } = await endure(async ({ proxy, crowd }) => {
      for (let round = 0; round < 2; round++) {
        const hole = proxy.blackHole(direction)
        await crowd.hears('UNKNOWN_OUTCOME', 11)
        await hole.lift()
        await crowd.hears('reserved')
      }
    })
    expect(crowd.count('UNKNOWN_OUTCOME')).toBeGreaterThan(20)
  })

  test('requests arrive after their clients have gone, and asked again by other connections', async () => {
    const { crowd } = await endure(async ({ proxy, crowd, handle }) => {
      proxy.blackHole('requests')
      await crowd.hears('UNKNOWN_OUTCOME', 20)
      const doubtful = crowd.orders.filter(({ told }) => told === 'UNKNOWN_OUTCOME')
      const sale = handle()
      for (const order of doubtful) {
        const { buyer, key, quantity } = order
        const answer = await sale.reserve({ buyer, key, items: [{ sku: 'phone', quantity }] })
        if ('reservation' in answer) order.ids.push(answer.reservation.id)
      }
    })
    expect(crowd.count('UNKNOWN_OUTCOME')).toBeGreaterThan(19)
  })
})

test('a request that arrives after its deadline does nothing: its key was refused by then', async () => {
  await endure(async ({ proxy, crowd, handles, handle }) => {
    await crowd.stop()
    const sale = handle()
    const hole = proxy.blackHole('requests')
    const orders = await Promise.all(handles.map((each) => crowd.ask(each)))
    await sale.pause()
    for (const order of orders) {
      expect(order.told).toBe('UNKNOWN_OUTCOME')
      const { buyer, key, quantity } = order
      order.told = (await sale.reserve({ buyer, key, items: [{ sku: 'phone', quantity }] })).status
    }
    await sale.resume()
    await hole.lift()
    crowd.start()
    expect(orders.map(({ told }) => told)).toEqual(['paused', 'paused', 'paused'])
  })
})

test('one byte at a time', async () => {
  const options = { deadlineMs: 60_000 }
  await endure(async ({ proxy, crowd }) => {
    proxy.trickle({ commands: 'all' })
    await crowd.hears('reserved', 20)
  }, options)
})

test('delays on both ways, from none to longer than the deadline', async () => {
  await endure(async ({ proxy, crowd }) => {
    proxy.delay({ ms: 0, jitterMs: 400 })
    await Promise.all([crowd.hears('UNKNOWN_OUTCOME'), crowd.hears('reserved')])
  })
})

test('connections are cut again and again', async () => {
  await endure(async ({ proxy }) => {
    for (let cut = 0; cut < 12; cut++) {
      proxy.cutConnections()
      await delay(30 + 10 * cut)
    }
  })
})

test('connections are cut, and refused', async () => {
  await endure(async ({ proxy, crowd }) => {
    for (let round = 0; round < 2; round++) {
      const refusing = proxy.refuseConnections()
      proxy.cutConnections()
      // From calls that have seen nothing else.
      await crowd.hears('UNAVAILABLE', 12)
      await refusing.lift()
      await crowd.hears('reserved')
    }
  })
})
