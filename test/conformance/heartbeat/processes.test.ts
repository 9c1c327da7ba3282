import { expect, onTestFinished, test } from 'vitest'
import { FORGOTTEN_MS, MAX_FIGURES } from '../../../src/engine/heartbeat.js'
import { LAYOUT } from '../../../src/engine/layout.js'
import { figuresText } from '../../../src/heartbeat/figures.js'
import { enterHeartbeat } from '../../../src/heartbeat/heartbeat.js'
import { listProcesses } from '../../../src/heartbeat/processes.js'
import { type Engine, FlashSale, StockholdError, WaitingRoom } from '../../../src/index.js'
import { virtualEngine } from '../../../src/testing.js'
import { askHeartbeat, pass, processesOn } from '../../support/heartbeat.js'
import { onBothEngines } from '../../support/shop.js'
import { SECRET } from '../../support/waiting-room.js'
import { wrapped } from '../../support/wrapped-engine.js'

const order = (buyer: string) => ({ buyer, items: [{ sku: 'mango', quantity: 1 }] })

function opened(engine: Engine, id = 'launch'): FlashSale {
  const sale = new FlashSale(id, { engine })
  onTestFinished(() => sale.close())
  return sale
}

/** The engine, whose heartbeat fares as told, and its beats. */
function counted(engine: Engine, fate: () => Promise<void> = async () => {}) {
  const beats: string[] = []
  const port = engine.heartbeat!
  const beating = wrapped(engine, {
    heartbeat: {
      ...port,
      run: async (command, ops, call) => {
        beats.push(command)
        await fate()
        return port.run(command, ops, call)
      },
    },
  })
  return { engine: beating, beats }
}

onBothEngines((_, kind) => {
  test('every process is listed with its figures, by each process of the prefix', async () => {
    const [one, two] = processesOn(await kind.make(), 2)
    const sale = opened(one!.engine)
    await sale.create({ stock: { mango: 2 } })
    await sale.reserve(order('ann'))
    await sale.reserve(order('ben'))
    await sale.reserve(order('cat'))
    await opened(two!.engine).stats()
    opened(two!.engine, 'another')
    await pass(one!, 3)
    const processes = await listProcesses(two!.engine)
    expect(processes.map(({ isPresent }) => isPresent)).toEqual([true, true])
    expect(new Set(processes.map(({ id }) => id)).size).toBe(2)
    for (const { seenAt, silentMs } of processes) expect(seenAt + silentMs).toBe(one!.now())
    const seller = processes.find(({ figures }) => figures!.sales.count === 1)!
    expect(seller.figures).toMatchObject({
      pid: process.pid,
      layout: LAYOUT,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      openCalls: 0,
      calls: { create: { created: 1 }, reserve: { reserved: 2, sold_out: 1 } },
      answers: [['launch', { reserved: 2, sold_out: 1 }]],
      sales: { count: 1, ids: ['launch'] },
      rooms: { count: 0, ids: [] },
    })
    expect(seller.figures!.openForMs).toBeGreaterThan(1_000)
    const other = processes.find(({ id }) => id !== seller.id)!
    expect(other.figures).toMatchObject({ sales: { count: 2, ids: ['launch', 'another'] } })
  })

  test('a process that dies stays in the list, silent, for ten minutes; one that closes its handles leaves it', async () => {
    const [one, two, dying] = processesOn(await kind.make(), 3)
    opened(one!.engine)
    const leaving = opened(two!.engine)
    const dead = counted(dying!.engine)
    const sale = opened(dead.engine)
    await pass(one!, 2)
    expect(await listProcesses(one!.engine)).toHaveLength(3)
    await leaving.close()
    await pass(one!, 1)
    expect(await listProcesses(one!.engine)).toHaveLength(2)
    Object.assign(dead.engine.heartbeat!, { run: () => new Promise(() => {}) })
    await pass(one!, 8)
    const [beats, silent] = await listProcesses(one!.engine)
    expect(beats!.isPresent).toBe(true)
    expect(silent).toMatchObject({ isPresent: false })
    expect(silent!.silentMs).toBeGreaterThan(5_000)
    await one!.advance(FORGOTTEN_MS)
    await pass(one!, 2)
    expect(await listProcesses(one!.engine)).toHaveLength(1)
    await sale.close()
  })
})

function virtual() {
  const { engine, advance } = virtualEngine()
  const watched = counted({ ...engine })
  return { ...watched, engine: { ...watched.engine, clock: engine.clock } as Engine, advance }
}

test('one beat a second, whatever the number of handles, until the last one is closed', async () => {
  const { engine, beats, advance } = virtual()
  const handles = Array.from({ length: 20 }, (_, i) => opened(engine, `sale ${i}`))
  const room = new WaitingRoom('room', { engine, secret: SECRET, ratePerSecond: 1 })
  await advance(1_000)
  expect(beats).toEqual(['beat'])
  await advance(100_000)
  expect(beats.length).toBeGreaterThanOrEqual(95)
  expect(beats.length).toBeLessThanOrEqual(107)
  const figures = (await listProcesses(engine))[0]!.figures!
  expect(figures.sales.count).toBe(20)
  expect(figures.rooms).toEqual({ count: 1, ids: ['room'] })
  for (const handle of handles) await handle.close()
  await advance(5_000)
  expect(beats).not.toContain('leave')
  await room.close()
  await room.close()
  const sent = beats.length
  await advance(60_000)
  expect(beats.slice(sent - 1)).toEqual(['leave'])
  expect(await listProcesses(engine)).toEqual([])
})

test('of ten thousand handles a beat looks at those that it tells', async () => {
  const { engine, advance } = virtual()
  let looks = 0
  const enter = (id: string, incarnation = 'token') => {
    const inUse = () => {
      looks++
      return { id, incarnation, partitions: 1 }
    }
    const member = enterHeartbeat(engine, { kind: 'sale', id, inUse })!
    onTestFinished(() => member.leave())
    return member
  }
  const all = Array.from({ length: 10_000 }, (_, i) => `sale ${i}`)
  const members = all.map((id) => enter(id))
  const again = Array.from({ length: 10_000 }, (_, i) => enter('sale 0', `token ${i}`))
  const told = async () => (await listProcesses(engine))[0]!.figures!
  await advance(1_000)
  expect((await told()).sales).toEqual({ count: 10_000, ids: all.slice(0, 50) })
  const { inUse } = await told()
  expect(inUse.map(({ id }) => id)).toEqual(all.slice(0, 50))
  // The handle that was opened last has the latest news of its sale.
  expect(inUse[0]).toEqual({ id: 'sale 0', incarnation: 'token 9999', partitions: 1 })
  await advance(9_000)
  expect(looks).toBeLessThanOrEqual(12 * 50)
  // A sale is open while one of its handles is.
  for (const { leave } of again.slice(1)) leave()
  members[0]!.leave()
  members[0]!.leave()
  members[1]!.leave()
  await advance(2_000)
  expect((await told()).sales).toEqual({ count: 9_999, ids: ['sale 0', ...all.slice(2, 51)] })
  expect((await told()).inUse[0]).toMatchObject({ incarnation: 'token 0' })
})

test('a handle that is opened again begins as another process', async () => {
  const { engine, advance } = virtual()
  const first = opened(engine)
  await advance(2_000)
  const [before] = await listProcesses(engine)
  await first.close()
  opened(engine)
  await advance(2_000)
  const after = await listProcesses(engine)
  expect(after).toHaveLength(1)
  expect(after[0]!.id).not.toBe(before!.id)
})

test('a handle that is closed before its first beat has told nothing, and asks nothing', async () => {
  const { engine, beats, advance } = virtual()
  await opened(engine).close()
  await advance(5_000)
  expect(beats).toEqual([])
})

test('beats that fail harm no sale, come less often, and come each second again', async () => {
  const { engine: memory, advance } = virtualEngine()
  let isAway = true
  const { engine: beating, beats } = counted(memory, async () => {
    if (isAway) throw new StockholdError('UNAVAILABLE', 'away')
  })
  const engine = { ...beating, clock: memory.clock } as Engine
  const sale = opened(engine)
  await sale.create({ stock: { mango: 1 } })
  await advance(300_000)
  expect(beats.length).toBeGreaterThan(10)
  expect(beats.length).toBeLessThan(20)
  expect(await sale.reserve(order('ann'))).toMatchObject({ status: 'reserved' })
  isAway = false
  await advance(31_000)
  const sent = beats.length
  await advance(10_000)
  expect(beats.length - sent).toBeGreaterThanOrEqual(9)
})

test('while a beat is not answered no other one is sent, until it is given up', async () => {
  const { engine: memory, advance } = virtualEngine()
  let answer = () => {}
  const { engine: beating, beats } = counted(
    memory,
    () =>
      new Promise((resolve) => {
        answer = resolve
      }),
  )
  opened({ ...beating, clock: memory.clock } as Engine)
  await advance(10_000)
  expect(beats).toEqual(['beat'])
  answer()
  await advance(2_000)
  expect(beats.length).toBe(2)
  await advance(60_000)
  expect(beats.length).toBeGreaterThan(6)
  expect(beats.length).toBeLessThan(9)
})

test('no beat is sent after the engine was closed', async () => {
  const { engine, beats, advance } = virtual()
  opened(engine)
  await advance(3_000)
  await engine.close()
  await advance(2_000)
  const sent = beats.length
  await advance(60_000)
  expect(beats).toHaveLength(sent)
})

test('an engine without a heartbeat lists none', async () => {
  const { engine } = virtualEngine()
  expect(await listProcesses(wrapped(engine, {}))).toEqual([])
})

test('figures that this version cannot read are left out, and the process is listed', async () => {
  const { engine, advance, now } = virtualEngine()
  const beat = (process: string, figures: string) => askHeartbeat({ engine }, 'beat', { process, figures })
  await beat('a', '{')
  await beat('b', 'null')
  await beat('c', '[1]')
  const none = { count: 0, ids: [] }
  const later = {
    ...{ host: 'h', pid: 1, version: '9.0.0', layout: 99, node: 'v99', openForMs: 1, rss: 1, openCalls: 0 },
    ...{ calls: {}, latency: {}, sales: none, rooms: none, inUse: [], more: 1 },
  }
  await beat('d', JSON.stringify(later))
  await advance(1_000)
  expect((await listProcesses(engine)).map(({ id, figures }) => [id, figures?.layout])).toEqual([
    ['d', 99],
    ['c', undefined],
    ['b', undefined],
    ['a', undefined],
  ])
  expect((await listProcesses(engine))[0]).toMatchObject({ seenAt: now() - 1_000, silentMs: 1_000 })
})

test('figures have as many names as there is room for, however long these are', () => {
  const names = Array.from({ length: 10_001 }, (_, i) => `${'€'.repeat(120)}${i}`)
  const open = { count: names.length, ids: names }
  const text = figuresText({ sales: open, rooms: open, inUse: [] } as never, MAX_FIGURES)
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_FIGURES)
  const { sales, rooms } = JSON.parse(text)
  expect([sales.count, rooms.count]).toEqual([10_001, 10_001])
  expect(sales.ids.length).toBeGreaterThan(10)
  expect(sales.ids).toEqual(names.slice(0, sales.ids.length))
})

test('answers of sales are left out before names, which a recovery looks for', () => {
  const names = Array.from({ length: 50 }, (_, i) => `${'x'.repeat(150)}${i}`)
  const open = { count: 50, ids: names }
  const answers = names.map((name) => [name, { reserved: 1, sold_out: 2 }])
  const told = (rooms: object) =>
    JSON.parse(figuresText({ sales: open, rooms, answers, inUse: [] } as never, MAX_FIGURES))
  const none = { count: 0, ids: [] }
  expect(told(none).answers).toEqual(answers.slice(0, 24))
  expect(told(open).sales.ids).toEqual(names)
  expect(told(open).answers.length).toBeLessThan(24)
})
