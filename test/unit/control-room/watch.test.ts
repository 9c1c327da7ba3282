import { expect, test } from 'vitest'
import { type Engine, FlashSale, StockholdError } from '../../../src/index.js'
import { virtualEngine } from '../../../src/testing.js'
import { jsonOf, TestRoom, type Viewer } from '../../support/control-room.js'
import { withPorts } from '../../support/wrapped-engine.js'

/** A sale on a clock of the test, and a control room whose engine counts, or is away. */
async function launch(options: { readonly maxViewers?: number } = {}) {
  const virtual = virtualEngine()
  const sale = new FlashSale('launch', { engine: virtual.engine })
  await sale.create({ stock: { a: 10 } })
  const redis = { isAway: false, asked: 0 }
  const engine: Engine = withPorts(virtual.engine, (port) => ({
    ...port,
    ready: () => port.ready(),
    async run(command: never, ops: never, call: never) {
      redis.asked++
      if (redis.isAway) throw new StockholdError('UNAVAILABLE', 'secret address is away')
      return port.run(command, ops, call)
    },
  }))
  /** What the engine is asked while the time passes. */
  const during = async (ms: number) => {
    const before = redis.asked
    await virtual.advance(ms)
    return redis.asked - before
  }
  return { ...virtual, sale, redis, during, room: new TestRoom(engine, options) }
}

const heardBy = (viewer: Viewer, count: number) => expect.poll(() => viewer.heard.length).toBe(count)

test('200 viewers ask the engine no more than one does', async () => {
  const { room, during, advance } = await launch()
  const first = await room.watch()
  await heardBy(first, 1)
  await advance(1_000)
  const ofOne = await during(10_000)
  expect(ofOne).toBeGreaterThanOrEqual(10)
  const others = await Promise.all(Array.from({ length: 199 }, () => room.watch()))
  const ofAll = await during(10_000)
  // A reading more or less, and not one for each viewer.
  expect(ofAll).toBeLessThan(2 * ofOne)
  for (const viewer of others) await expect.poll(() => viewer.last?.id).toBe(first.last.id)
})

test('a viewer sees what was changed after two seconds at most', async () => {
  const { room, sale, advance } = await launch()
  const viewer = await room.watch()
  await heardBy(viewer, 1)
  await sale.reserve({ buyer: 'u-1', items: [{ sku: 'a', quantity: 4 }] })
  await advance(2_000)
  await expect.poll(() => viewer.last.told.view!.sales[0]!.skus![0]).toMatchObject({ held: 4, available: 6 })
})

test('without viewers the engine is not asked, and handles are closed', async () => {
  const { room, during, advance } = await launch()
  expect(await during(10_000)).toBe(0)
  const viewer = await room.watch()
  await heardBy(viewer, 1)
  await viewer.leave()
  await advance(1_000)
  expect(await during(60_000)).toBe(0)
  const again = await room.watch()
  await heardBy(again, 1)
  expect(await during(5_000)).toBeGreaterThan(0)
})

test('a viewer who has come back is told only what is new', async () => {
  const { room, advance } = await launch()
  const viewer = await room.watch()
  await heardBy(viewer, 1)
  const seen = viewer.last.id
  const back = await room.watch({ 'last-event-id': seen })
  const fresh = await room.watch()
  await heardBy(fresh, 1)
  expect(fresh.last.id).toBe(seen)
  expect(back.heard).toEqual([])
  await advance(1_000)
  await heardBy(back, 1)
  expect(back.last.id).not.toBe(seen)
})

test('snapshots within a second share a reading, also that of the viewers', async () => {
  const { room, redis, advance } = await launch()
  const [one, two] = await Promise.all([room.snapshot(), room.snapshot()])
  expect(two).toEqual(one)
  const asked = redis.asked
  expect(await room.snapshot()).toEqual(one)
  expect(redis.asked).toBe(asked)
  await advance(1_000)
  await room.snapshot()
  expect(redis.asked).toBeGreaterThan(asked)
})

test('while Redis is away the stream goes on, says so, and keeps the latest figures', async () => {
  const { room, redis, sale, advance } = await launch()
  const viewer = await room.watch()
  await heardBy(viewer, 1)
  redis.isAway = true
  await advance(10_000)
  await expect.poll(() => viewer.last.told.problem?.code).toBe('UNAVAILABLE')
  const { view, viewAt, problem } = viewer.last.told
  expect(view!.sales[0]!.id).toBe('launch')
  expect(viewAt).toBe(viewer.heard[0]!.told.viewAt)
  const late = await room.watch()
  await heardBy(late, 1)
  expect(late.last.told).toMatchObject({ problem, viewAt, view })
  expect(JSON.stringify(viewer.heard)).not.toContain('secret')
  expect(room.errors).toEqual([])
  redis.isAway = false
  await sale.reserve({ buyer: 'u-1', items: [{ sku: 'a', quantity: 1 }] })
  await advance(10_000)
  await expect.poll(() => viewer.last.told.problem).toBeNull()
  expect(viewer.last.told.view!.sales[0]!.skus![0]!.held).toBe(1)
})

test('a control room that begins while Redis is away says so', async () => {
  const { room, redis, advance } = await launch()
  redis.isAway = true
  const viewer = await room.watch()
  await advance(10_000)
  await expect
    .poll(() => viewer.last?.told)
    .toMatchObject({
      problem: { code: 'UNAVAILABLE' },
      viewAt: null,
      view: null,
    })
})

test('there are no more viewers than maxViewers, until one leaves', async () => {
  const { room } = await launch({ maxViewers: 2 })
  const viewers = [await room.watch(), await room.watch()]
  const refused = await room.fetch('events')
  expect([refused.status, (await jsonOf(refused)).code]).toEqual([503, 'too_many_streams'])
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
  await viewers[0]!.leave()
  await room.watch()
})

test('a stream ends after five minutes, so that authorize is asked again', async () => {
  const { room, advance } = await launch()
  const viewer = await room.watch()
  await advance(299_000)
  const later = await room.watch()
  await advance(2_000)
  await viewer.ended
  const heard = later.heard.length
  await advance(5_000)
  await expect.poll(() => later.heard.length).toBeGreaterThan(heard)
})

test('close ends all streams', async () => {
  const { room, advance } = await launch()
  const viewers = [await room.watch(), await room.watch()]
  await room.handle.close()
  for (const viewer of viewers) await viewer.ended
  await advance(1_000)
  expect((await room.fetch('events')).status).toBe(503)
})

test('how fast a SKU sells is measured over the last ten seconds', async () => {
  const { room, sale, advance } = await launch()
  const viewer = await room.watch()
  for (let second = 0; second < 5; second++) {
    await sale.reserve({ buyer: `u-${second}`, items: [{ sku: 'a', quantity: 2 }] })
    await advance(1_000)
  }
  await advance(1_000)
  const slope = () => viewer.last.told.view!.sales[0]!.skus![0]!.takenPerSecond
  await expect.poll(() => viewer.last.told.view!.sales[0]!.skus![0]!.held).toBe(10)
  expect(slope()).toBeGreaterThan(1)
  await advance(30_000)
  await expect.poll(slope).toBe(0)
})
