import { expect, onTestFinished, test } from 'vitest'
import { joined } from '../../../scripts/lib/joined.js'
import { MAX_SUBJECTS, STEP_MS } from '../../../src/engine/course.js'
import { type Engine, FlashSale, WaitingRoom } from '../../../src/index.js'
import { saleCourse } from '../../../src/sale/course.js'
import { virtualEngine } from '../../../src/testing.js'
import { roomCourse } from '../../../src/waiting-room/course.js'
import { askHeartbeat, pass, processesOn } from '../../support/heartbeat.js'
import { onBothEngines } from '../../support/shop.js'
import { SECRET } from '../../support/waiting-room.js'
import { wrapped } from '../../support/wrapped-engine.js'

const order = (buyer: string) => ({ buyer, items: [{ sku: 'mango', quantity: 1 }] })

function opened(engine: Engine, id = 'launch'): FlashSale {
  const sale = new FlashSale(id, { engine, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  return sale
}

onBothEngines((_, kind) => {
  test.each([1, 4])(
    'a process that sells nothing and starts late reads the whole course, one point a step (%i partitions)',
    async (partitions) => {
      const timed = await kind.make()
      const [one, two, three] = processesOn(timed, 3)
      const sales = [one!, two!, three!].map(({ engine }) => opened(engine))
      await sales[0]!.create({ stock: { mango: 100, pear: 5 }, partitions })
      for (const sale of sales) await sale.rules()
      for (let minute = 0; minute < 3; minute++) {
        for (const [i, sale] of sales.entries()) {
          const held = await sale.reserve(order(`u-${minute}-${i}`))
          if (held.status === 'reserved' && i === 0) await sale.confirm(held.reservation.id)
        }
        await pass(one!, 60)
      }
      const { skus, points } = await saleCourse(timed.engine, 'launch')
      expect(skus).toEqual(['mango', 'pear'])
      const steps = points.map(({ at }) => Math.floor(at / STEP_MS))
      expect(new Set(steps).size).toBe(steps.length)
      expect(steps.length).toBeGreaterThanOrEqual(17)
      expect(steps.at(-1)! - steps[0]! + 1).toBe(steps.length)
      const sold = points.map(({ skus: { mango } }) => mango!.held + mango!.confirmed)
      expect(sold[0]).toBe(3)
      expect(sold.at(-1)).toBe(9)
      expect(sold).toEqual([...sold].sort((a, b) => a - b))
      expect(points.at(-1)).toMatchObject({
        state: 'open',
        skus: {
          mango: { total: 100, available: 91, held: 6, confirmed: 3, inTransit: 0 },
          pear: { total: 5, available: 5 },
        },
        others: undefined,
      })
    },
  )

  test('queue and admissions of a room', async () => {
    const timed = await kind.make()
    const [one, two] = processesOn(timed, 2)
    const rooms = [one!, two!].map(
      ({ engine }) =>
        new WaitingRoom('door', { engine, secret: SECRET, ratePerSecond: 1, deadlineMs: 60_000 }),
    )
    for (const room of rooms) onTestFinished(() => room.close())
    await rooms[0]!.create()
    await rooms[0]!.pause()
    for (const [i, room] of rooms.entries()) {
      const joining = room.join(`b-${i}`)
      await pass(one!, 1)
      await joined(joining)
    }
    await pass(one!, 30)
    const points = await roomCourse(timed.engine, 'door')
    expect(points.length).toBeGreaterThanOrEqual(3)
    expect(points.at(-1)).toMatchObject({
      ...{ state: 'paused', waiting: 2, admitted: 0, ratePerSecond: 1, capacity: null },
    })
  })

  test('a frozen sale tells that it is frozen', async () => {
    const timed = await kind.make()
    const [one] = processesOn(timed, 1)
    const sale = opened(one!.engine)
    await sale.create({ stock: { mango: 1 } })
    await pass(one!, 12)
    const partition = one!.engine.partition('launch', 0, 1)
    await partition.ready()
    const lastSeen = { generation: 9, sequence: 1, batchId: 'x' }
    const call = { incarnation: null, deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
    const described = await partition.run('describe', [{}], call)
    if (described.outcome !== 'done') expect.fail(described.outcome)
    const { incarnation } = described.answers[0]!
    await partition.run('stats', [{}], { ...call, incarnation, lastSeen })
    await pass(one!, 11)
    const { points } = await saleCourse(timed.engine, 'launch')
    expect(points[0]!.state).toBe('open')
    expect(points.at(-1)).toMatchObject({ state: 'frozen', skus: {}, others: undefined })
  })
})

test('of a sale with many SKUs the first ones are told one by one, and the others together', async () => {
  const { engine, advance } = virtualEngine()
  const sale = opened(engine)
  const stock = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`s${1_000 + i}`, 1_000_000]))
  await sale.create({ stock })
  await sale.reserve({ buyer: 'ann', items: [{ sku: 's1899', quantity: 7 }] })
  await advance(12_000)
  const { skus, points } = await saleCourse(engine, 'launch')
  expect(skus).toHaveLength(20)
  const [{ skus: told, others }] = points as [(typeof points)[0]]
  const count = Object.keys(told).length
  expect(count).toBeGreaterThanOrEqual(10)
  const total = (900 - count) * 1_000_000
  expect(others).toEqual({ total, available: total - 7, held: 7, confirmed: 0, inTransit: 0 })
})

test('with thousands of open sales a process offers the busiest of them, and reads no others', async () => {
  const { engine: memory, advance } = virtualEngine()
  const calls: (readonly [command: string, items: number])[] = []
  let reads = 0
  const engine: Engine = {
    ...wrapped(memory, {
      heartbeat: {
        ...memory.heartbeat!,
        run: (command, ops, call) => {
          calls.push([command, ops.length])
          return memory.heartbeat!.run(command, ops, call)
        },
      },
      partition: (...place) => {
        const port = memory.partition(...place)
        return {
          ...port,
          run: (command, ops, call) => {
            if (command === 'stats') reads++
            return port.run(command, ops, call)
          },
        }
      },
    }),
    lifecycle: undefined,
  }
  const sales = Array.from({ length: 1_000 }, (_, i) => opened(engine, `store-${i}`))
  for (const sale of sales) await sale.create({ stock: { mango: 10 } })
  for (let i = 0; i < 3; i++) await sales[777]!.reserve(order(`u-${i}`))
  calls.length = 0
  reads = 0
  await advance(20_000)
  // A few at a time: each may make another one's points go.
  const offered = calls.filter(([command]) => command === 'offer').map(([, items]) => items)
  expect(Math.max(...offered)).toBeLessThanOrEqual(4)
  expect(offered.reduce((sum, items) => sum + items)).toBe(2 * MAX_SUBJECTS)
  expect(reads).toBe(2 * MAX_SUBJECTS)
  expect((await saleCourse(memory, 'store-777')).points.at(-1)).toMatchObject({
    skus: { mango: { available: 7, held: 3 } },
  })
})

test('a sale of the same name begins its course afresh; what cannot be read is left out', async () => {
  const { engine, advance } = virtualEngine()
  const first = opened(engine)
  await first.create({ stock: { mango: 1 } })
  await advance(30_000)
  await first.end()
  expect(await first.destroy()).toEqual({ status: 'destroyed' })
  await first.close()
  const second = opened(engine)
  await second.create({ stock: { pear: 2 } })
  await advance(STEP_MS / 2)
  const { skus, points } = await saleCourse(engine, 'launch')
  expect(skus).toEqual(['pear'])
  expect(points).toHaveLength(1)
  await second.close()
  await advance(STEP_MS)
  const told = { process: 'later version', subject: 'sale:launch', incarnation: 'x', label: '{', point: '1' }
  await askHeartbeat({ engine }, 'offer', { ...told, weight: 1 })
  await askHeartbeat({ engine }, 'append', told)
  expect(await saleCourse(engine, 'launch')).toEqual({ skus: [], points: [] })
})

test('a handle of a removed sale, or room, hides no course of the one that was created again', async () => {
  const { engine, advance } = virtualEngine()
  const room = () => {
    const made = new WaitingRoom('door', { engine, secret: SECRET, ratePerSecond: 1 })
    onTestFinished(() => made.close())
    return made
  }
  const [first, second] = [opened(engine), opened(engine)]
  await first.create({ stock: { mango: 1 } })
  await first.end()
  await first.destroy()
  await second.create({ stock: { pear: 2 } })
  const [removed, again] = [room(), room()]
  await removed.create()
  await removed.destroy()
  await again.create()
  await again.join('ann')
  await advance(STEP_MS)
  expect((await saleCourse(engine, 'launch')).skus).toEqual(['pear'])
  expect((await roomCourse(engine, 'door')).at(-1)).toMatchObject({ waiting: 1 })
})

test('an engine without a heartbeat has no course, and a handle that was not used tells none', async () => {
  const { engine, advance } = virtualEngine()
  opened(engine)
  await advance(30_000)
  expect(await saleCourse(engine, 'launch')).toEqual({ skus: [], points: [] })
  expect(await saleCourse(wrapped(engine, {}), 'launch')).toEqual({ skus: [], points: [] })
})
