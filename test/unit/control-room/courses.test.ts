import { describe, expect, onTestFinished, test } from 'vitest'
import type { ControlRoomOptions } from '../../../src/control-room.js'
import { type Engine, FlashSale, StockholdError, WaitingRoom } from '../../../src/index.js'
import { saleCourse } from '../../../src/sale/course.js'
import { virtualEngine } from '../../../src/testing.js'
import { roomCourse } from '../../../src/waiting-room/course.js'
import { jsonOf, TestRoom } from '../../support/control-room.js'
import { SECRET } from '../../support/waiting-room.js'
import { withPorts } from '../../support/wrapped-engine.js'

/** A sale and a room on a clock of the test, and how often a control room has read a course. */
async function launch(options: Partial<ControlRoomOptions> = {}) {
  const virtual = virtualEngine()
  const sale = new FlashSale('launch', { engine: virtual.engine })
  const door = new WaitingRoom('door', { engine: virtual.engine, secret: SECRET, ratePerSecond: 2 })
  onTestFinished(() => Promise.all([sale.close(), door.close()]).then(() => {}))
  const redis = { isAway: false, read: 0 }
  const engine: Engine = withPorts(
    virtual.engine,
    (port) => ({
      ...port,
      ready: () => port.ready(),
      async run(command: never, ops: never, call: never) {
        if (command === 'course') redis.read++
        if (redis.isAway) throw new StockholdError('UNAVAILABLE', 'secret address is away')
        return port.run(command, ops, call)
      },
    }),
    true,
  )
  const room = new TestRoom(engine, options)
  const course = async (query: string) => jsonOf(await room.fetch(`course?${query}`))
  return { ...virtual, sale, door, redis, room, course }
}

const buy = (sale: FlashSale, buyer: string, quantity: number) =>
  sale.reserve({ buyer, items: [{ sku: 'a', quantity }] })

test('the course of a sale has the units of all SKUs together at each point', async () => {
  const { engine, sale, advance, course } = await launch()
  await sale.create({ stock: { a: 100, b: 7 } })
  for (let step = 0; step < 4; step++) {
    const held = await buy(sale, `u-${step}`, 3)
    if (held.status === 'reserved' && step > 1) await sale.confirm(held.reservation.id)
    await advance(10_000)
  }
  const { problem, course: shown } = await course('sale=launch')
  const { points } = await saleCourse(engine, 'launch')
  expect(points.length).toBeGreaterThanOrEqual(3)
  expect(problem).toBeNull()
  const sums = (name: 'available' | 'held' | 'confirmed') =>
    points.map(({ skus: { a, b } }) => a![name] + b![name])
  expect(shown).toEqual({
    at: points.map(({ at }) => at),
    lines: { available: sums('available'), held: sums('held'), confirmed: sums('confirmed') },
  })
  expect(shown.lines.confirmed.at(-1)).toBe(6)
  expect(shown.lines.available.at(-1)).toBe(95)
})

test('the course of a waiting room has its queue, and the rates asked and achieved', async () => {
  const { engine, door, advance, course } = await launch()
  await door.create()
  for (let visitor = 0; visitor < 60; visitor++) await door.join(`v-${visitor}`)
  await advance(20_000)
  await door.setRate(1)
  await advance(20_000)
  const { course: shown } = await course('room=door')
  const points = await roomCourse(engine, 'door')
  expect(shown.at).toEqual(points.map(({ at }) => at))
  const { waiting, admittedPerSecond, ratePerSecond } = shown.lines
  expect(waiting).toEqual(points.map((point) => point.waiting))
  expect(ratePerSecond).toEqual(points.map((point) => point.ratePerSecond))
  expect(ratePerSecond.at(-1)).toBe(1)
  expect(admittedPerSecond[0]).toBeNull()
  const admitted = (shown.at as number[])
    .slice(1)
    .reduce((sum, at, i) => sum + (admittedPerSecond[i + 1] * (at - shown.at[i])) / 1_000, 0)
  expect(admitted).toBeCloseTo(points.at(-1)!.admitted - points[0]!.admitted)
})

test('a sale that no process has opened for ten seconds, and one that is not there, have no points', async () => {
  const { sale, course } = await launch()
  await sale.create({ stock: { a: 1 } })
  const none = { problem: null, course: { at: [], lines: { available: [], held: [], confirmed: [] } } }
  expect(await course('sale=launch')).toEqual(none)
  expect(await course('sale=another')).toEqual(none)
})

test('lines are interrupted where no process has told points', async () => {
  const { sale, advance, engine, course } = await launch()
  await sale.create({ stock: { a: 1 } })
  await advance(30_000)
  await sale.close()
  await advance(600_000)
  const again = new FlashSale('launch', { engine })
  onTestFinished(() => again.close())
  await again.rules()
  await advance(30_000)
  const { at, lines } = (await course('sale=launch')).course
  expect(lines.available.filter((units: number | null) => units === null)).toHaveLength(1)
  const gap = lines.available.indexOf(null)
  expect(at[gap + 1] - at[gap - 1]).toBeGreaterThan(500_000)
  expect(lines.available.length).toBeGreaterThanOrEqual(5)
})

test('points that are thinned out with their age are one line', async () => {
  const { sale, advance, course } = await launch()
  await sale.create({ stock: { a: 1 } })
  await advance(2 * 3_600_000)
  const { at, lines } = (await course('sale=launch')).course
  expect(at[1] - at[0]).toBeGreaterThan(30_000)
  expect(new Set(lines.available)).toEqual(new Set([1]))
})

test('one reading in ten seconds serves all viewers of a course', async () => {
  const { sale, advance, redis, course } = await launch()
  await sale.create({ stock: { a: 1 } })
  await advance(20_000)
  const answers = await Promise.all(Array.from({ length: 200 }, () => course('sale=launch')))
  expect(redis.read).toBe(1)
  await advance(9_000)
  expect(await course('sale=launch')).toEqual(answers[0])
  expect(redis.read).toBe(1)
  await advance(1_000)
  expect((await course('sale=launch')).course.at.length).toBeGreaterThan(answers[0].course.at.length)
  expect(redis.read).toBe(2)
})

test('only the 64 courses that were asked for last are kept', async () => {
  const { redis, course } = await launch()
  await course('sale=first')
  for (let other = 0; other < 63; other++) await course(`sale=${other}`)
  await course('sale=first')
  expect(redis.read).toBe(64)
  await course('room=one-more')
  await course('sale=first')
  expect(redis.read).toBe(65)
  await course('sale=0')
  expect(redis.read).toBe(66)
})

test('while Redis is away the answer says so, with the points that are known', async () => {
  const { sale, advance, redis, room, course } = await launch()
  await sale.create({ stock: { a: 1 } })
  await advance(20_000)
  const known = (await course('sale=launch')).course
  redis.isAway = true
  await advance(10_000)
  expect(await course('sale=launch')).toEqual({ problem: { code: 'UNAVAILABLE' }, course: known })
  expect(await course('sale=another')).toEqual({ problem: { code: 'UNAVAILABLE' }, course: null })
  expect(room.errors).toEqual([])
  redis.isAway = false
  await advance(10_000)
  const { problem, course: later } = await course('sale=launch')
  expect([problem, later.at.length > known.at.length]).toEqual([null, true])
})

describe('the query', () => {
  test('a viewer who may only look sees a course', async () => {
    const { room } = await launch({ authorize: () => 'read' })
    expect((await room.fetch('course?sale=launch')).status).toBe(200)
  })

  test.each([
    '',
    'sale=',
    'sale',
    'sale=a&room=b',
    'sale=a&sale=b',
    'sale=a&limit=1',
    'group=a',
    'constructor=a',
    `sale=${'a'.repeat(257)}`,
    `room=${encodeURIComponent('ü'.repeat(129))}`,
  ])('the query "%s" is refused, and Redis is not asked', async (query) => {
    const { room, redis } = await launch()
    const response = await room.fetch(`course?${query}`)
    expect([response.status, (await jsonOf(response)).code]).toEqual([400, 'INVALID_ARGUMENT'])
    expect(redis.read).toBe(0)
  })

  test.each(['__proto__', 'a/b', '../operations', '{x}*', '"><img src=x>', '\u202e\0', '💥'])(
    'the id %j is an id like any other',
    async (id) => {
      const { engine, advance, course } = await launch()
      const sale = new FlashSale(id, { engine })
      onTestFinished(() => sale.close())
      await sale.create({ stock: { a: 5 } })
      await advance(20_000)
      const { lines } = (await course(String(new URLSearchParams({ sale: id })))).course
      expect(lines.available.at(-1)).toBe(5)
      expect((await course(String(new URLSearchParams({ room: id })))).course.at).toEqual([])
    },
  )
})
