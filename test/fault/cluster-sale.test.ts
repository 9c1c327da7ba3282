import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ClusterNode, type RedisCluster, startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { until } from '../support/consumers.js'
import type { Buyer, End } from './support/buyers.js'
import type { Step } from './support/buyers-process.js'
import { ClusterStage } from './support/cluster-stage.js'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

const every = (buyers: readonly Buyer[], told: ReadonlyMap<string, End>[]) =>
  buyers.map(({ name }) => told.findLast((ends) => ends.has(name))?.get(name)?.told)

describe('from two processes, one of them killed with kill -9', () => {
  const units = 10_007
  test.each([
    ['in the middle of the sale', 5_000],
    ['while the last units are brought together', 9_950],
  ])('%s: 18,000 buyers end with exactly 10,007 confirmed', async (_, sold) => {
    const stage = await ClusterStage.open(cluster, { stock: { phone: units }, limitPerBuyer: 1 })
    const [victim, survivor] = await Promise.all([
      stage.process(undefined, 200),
      stage.process(undefined, 200),
    ])
    // More than are sold when it is killed, so it cannot be done by then.
    const orphans = stage.crowd(12_000)
    const others = stage.crowd(6_000)
    const killed = victim.buy(orphans)
    const served = survivor.buy(others)
    await until(() => victim.ends.size + survivor.ends.size >= sold, 'so many sold')
    await victim.kill()
    expect(await killed).toBe(false)
    expect(await served).toBe(true)
    // Whatever they were told before: the same keys again, by way of the other.
    const before = new Map(survivor.ends)
    expect(await survivor.buy(orphans)).toBe(true)
    const confirmed = await stage.verdict([victim.ends, before, survivor.ends], [survivor.calls])
    expect(confirmed).toEqual({ phone: units })
    const told = every([...orphans, ...others], [survivor.ends])
    expect(told.filter((word) => word === 'sold_out')).toHaveLength(18_000 - units)
    expect(victim.ends.size).toBeGreaterThan(0)
  })
})

test('with as many buyers as units no buyer is refused: from three processes, with carts, and some change their minds', async () => {
  const stock = { case: 1_200, phone: 3_000 }
  const stage = await ClusterStage.open(cluster, { stock, limitPerBuyer: 3 })
  // Most of them at home in the same two partitions, so that the stock of the others has to come to
  // them.
  const crowds = [
    stage.crowd(600, { home: [1, 4] }),
    stage.crowd(300, { home: [1, 4], hesitates: true }),
    stage.crowd(300, { cart: [['phone', 3]] }),
    stage.crowd(600, {
      cart: [
        ['case', 1],
        ['phone', 1],
      ],
    }),
    stage.crowd(300, {
      cart: [
        ['case', 2],
        ['phone', 2],
      ],
      hesitates: true,
    }),
  ]
  const buyers = crowds.flat().sort(() => Math.random() - 0.5)
  const processes = await Promise.all([stage.process(), stage.process(), stage.process()])
  await Promise.all(processes.map((process, i) => process.buy(buyers.filter((_, at) => at % 3 === i))))
  const ends = processes.map((process) => process.ends)
  expect(new Set(every(buyers, ends))).toEqual(new Set(['confirmed']))
  const calls = processes.map((process) => process.calls)
  expect(await stage.verdict(ends, calls)).toEqual(stock)
  const late = stage.handle()
  await late.buyers.buy(stage.crowd(6))
  expect([...late.buyers.ends.values()].map(({ told }) => told)).toEqual(Array(6).fill('sold_out'))
})

describe('the process that transfers units dies in the middle of it', () => {
  const steps: [string, Step, { inTransit: boolean }][] = [
    ['when units were sent', { command: 'send', moment: 'after', number: 1 }, { inTransit: true }],
    ['when all were sent', { command: 'receive', moment: 'before', number: 1 }, { inTransit: true }],
    ['when some were received', { command: 'receive', moment: 'after', number: 1 }, { inTransit: false }],
    ['before it asks again', { command: 'reserve', moment: 'before', number: 2 }, { inTransit: false }],
    ['when it was given them', { command: 'reserve', moment: 'after', number: 1 }, { inTransit: false }],
  ]
  test.each(steps)('%s: another process sells every unit', async (_, dies, expected) => {
    const stage = await ClusterStage.open(cluster, { stock: { phone: 24 } })
    const [victim, survivor] = await Promise.all([stage.process(dies), stage.process()])
    const greedy = stage.crowd(1, { home: [3], cart: [['phone', 11]] })
    expect(await victim.buy(greedy)).toBe(false)
    const { available, inTransit } = await stage.stock()
    if (expected.inTransit) expect(inTransit).toBeGreaterThan(0)
    if (dies.command === 'receive' && dies.moment === 'before') expect(inTransit).toBeGreaterThanOrEqual(7)
    if (dies.command === 'reserve') expect(inTransit).toBe(0)
    // It was reserved for a buyer whom nobody told; any other step leaves nothing behind but units
    // elsewhere.
    const isReserved = dies.command === 'reserve' && dies.moment === 'after'
    expect(available + inTransit).toBe(isReserved ? 13 : 24)
    const buyers = stage.crowd(isReserved ? 13 : 24)
    await survivor.buy(buyers)
    expect(new Set(every(buyers, [survivor.ends]))).toEqual(new Set(['confirmed']))
    await survivor.buy(greedy)
    expect(every(greedy, [survivor.ends])).toEqual([isReserved ? 'confirmed' : 'sold_out'])
    expect(await stage.verdict([survivor.ends], [survivor.calls])).toEqual({ phone: 24 })
  })

  test('one after another, each at another step, while others buy: as many buyers as units, and no buyer is refused', async () => {
    const stage = await ClusterStage.open(cluster, { stock: { phone: 1_200 }, limitPerBuyer: 2 })
    const deaths: Step[] = [
      { command: 'send', moment: 'after', number: 1 },
      { command: 'receive', moment: 'before', number: 1 },
      { command: 'receive', moment: 'after', number: 1 },
      { command: 'send', moment: 'after', number: 2 },
    ]
    const [survivor, ...mortals] = await Promise.all([
      stage.process(),
      ...deaths.map((dies) => stage.process(dies, 50)),
    ])
    const others = stage.crowd(200, { home: [5] })
    const served = survivor!.buy(others)
    // More of each home than there are units at home.
    const orphans = mortals.map((_, home) => stage.crowd(125, { home: [home], cart: [['phone', 2]] }))
    for (const [i, mortal] of mortals.entries()) expect(await mortal.buy(orphans[i]!)).toBe(false)
    await served
    const before = new Map(survivor!.ends)
    await survivor!.buy(orphans.flat())
    const heard = mortals.map(({ ends }) => ends)
    const told = every([...others, ...orphans.flat()], [survivor!.ends])
    expect(new Set(told)).toEqual(new Set(['confirmed']))
    const confirmed = await stage.verdict([...heard, before, survivor!.ends], [survivor!.calls])
    expect(confirmed).toEqual({ phone: 1_200 })
  })
})

test('slots with partitions go to another master and back while it sells: every buyer is served, to the last unit', async () => {
  const stage = await ClusterStage.open(cluster, { stock: { phone: 4_000 }, limitPerBuyer: 1 })
  const handles = [stage.handle({ atOnce: 20 }), stage.handle({ atOnce: 20 })]
  const buyers = stage.crowd(4_300)
  const coming = [...buyers]
  const sell = (count: number) => {
    const wave = coming.splice(0, count)
    return Promise.all(handles.map(({ buyers: of }, i) => of.buy(wave.filter((_, at) => at % 2 === i))))
  }
  const ended = () => handles.reduce((sum, handle) => sum + handle.buyers.ends.size, 0)
  const moves = async (slot: number, to: ClusterNode) => {
    const before = ended()
    const selling = sell(600)
    await cluster.migrateSlot(slot, to, {
      halfway: () => until(() => ended() > before + 20, 'that it sells'),
    })
    await selling
  }
  // A handle asks partition 0 for the rules, once.
  await sell(100)
  for (const partition of [0, 3, 4]) {
    const slot = stage.slotOf(partition)
    const from = await cluster.masterOf(slot)
    await moves(slot, (await stage.masters()).find((node) => node !== from)!)
    await moves(slot, from)
  }
  expect(ended()).toBe(3_700)
  await sell(coming.length)
  const ends = handles.map((handle) => handle.buyers.ends)
  const told = every(buyers, ends)
  expect(told.filter((word) => word === 'confirmed')).toHaveLength(4_000)
  expect(told.filter((word) => word === 'sold_out')).toHaveLength(300)
  const calls = handles.map((handle) => handle.buyers.calls)
  expect(await stage.verdict(ends, calls)).toEqual({ phone: 4_000 })
})
