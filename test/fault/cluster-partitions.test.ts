import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { joined } from '../../scripts/lib/joined.js'

import { type ClusterNode, type RedisCluster, startCluster } from '../../scripts/lib/servers/redis/cluster.js'

import { type SaleEvent, StockholdError, WaitingRoom } from '../../src/index.js'
import { roomKeys } from '../../src/redis-engine/keys.js'
import { follow, until } from '../support/consumers.js'
import { faultOf } from '../support/secrets.js'
import { SECRET } from '../support/waiting-room.js'
import type { Buyer, End } from './support/buyers.js'
import { ClusterStage, type Handle, killInStep, runAhead } from './support/cluster-stage.js'
import { everything, type Handled, judge } from './support/shopping.js'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster({ config: { 'cluster-require-full-coverage': 'no' } })
})
afterEach(async () => {
  await cluster.revive()
  await cluster.settled()
})
afterAll(() => cluster.stop())

const words = (buyers: readonly Buyer[], { buyers: { ends } }: Handle) =>
  buyers.map(({ name }) => ends.get(name)?.told)

const times = (count: number, word: string) => Array<string>(count).fill(word)

/** Each buyer by one of the handles, and always by the same. */
function shared(handles: readonly Handle[], buyers: readonly Buyer[]): Promise<unknown> {
  const mine = (i: number) => buyers.filter(({ name }) => Number(name.slice(2)) % handles.length === i)
  return Promise.all(handles.map((handle, i) => handle.buyers.buy(mine(i))))
}

/** Its replica takes over, and then it comes back itself. */
async function replaced(victim: ClusterNode): Promise<void> {
  await cluster.takeOver(victim)
  await cluster.revive()
  await cluster.settled()
}

const sum = (handles: readonly Handle[], told: string) =>
  handles.reduce((all, { buyers }) => all + buyers.count(told), 0)

const told = (handles: readonly Handle[]) => handles.map(({ buyers }) => buyers.ends)
const calls = (handles: readonly Handle[]) => handles.map(({ buyers }) => buyers.calls)

/** What buyers of these homes met with. */
const faultsOf = (handles: readonly Handle[], homes: readonly number[]) =>
  handles.flatMap(({ faults }) => faults.filter(({ home }) => homes.includes(home)).map(({ code }) => code))

test('a master is killed in mid-sale, and its replica takes over: only its own buyers hear of it, and the last unit is sold', async () => {
  const stage = await ClusterStage.open(cluster, { stock: { phone: 6_000 }, limitPerBuyer: 1 })
  const { victim, hit, spared } = await stage.divide(2)
  const handles = [stage.handle({ atOnce: 30 }), stage.handle({ atOnce: 30 })]
  // No more of the others than there are units at their homes: nothing keeps them waiting.
  const others = stage.crowd(3_600, { home: spared })
  const selling = Promise.all([shared(handles, others), shared(handles, stage.crowd(2_900, { home: hit }))])
  await until(() => sum(handles, 'confirmed') > 1_000, 'a thousand sold')
  await killInStep(victim)
  await until(() => faultsOf(handles, hit).length > 0, 'that its buyers hear of it')
  await cluster.takeOver(victim)
  await selling
  expect(faultsOf(handles, spared)).toEqual([])
  expect(faultsOf(handles, hit).length).toBeGreaterThan(0)
  expect(sum(handles, 'sold_out')).toBe(500)
  expect(await stage.verdict(told(handles), calls(handles))).toEqual({ phone: 6_000 })
})

test('while partitions are away the others sell all they have, and no call answers sold_out; then the rest is sold, once', async () => {
  const stage = await ClusterStage.open(cluster, { stock: { phone: 600 }, limitPerBuyer: 1 })
  const { victim, hit, spared } = await stage.divide(4)
  const steady = stage.handle()
  // For buyers who are to be refused.
  const [one, other] = [stage.handle({ deadlineMs: 1_000 }), stage.handle({ deadlineMs: 1_000 })] as const
  await shared([one, other], stage.crowd(60))
  await killInStep(victim)
  const there = (await stage.stock(spared)).available
  // All of them at one home, which has a quarter of what is left: what it lacks comes from the
  // others that are there.
  const near = stage.crowd(there - 40, { home: [spared[0]!] })
  await steady.buyers.buy(near)
  expect(words(near, steady)).toEqual(times(near.length, 'confirmed'))
  expect(steady.faults).toEqual([])
  const before = sum([one, other], 'confirmed')
  const patient = [...stage.crowd(60, { home: spared }), ...stage.crowd(20, { home: hit })]
  const waiting = shared([one, other], patient)
  await until(() => sum([one, other], 'confirmed') >= before + 40, 'the last of them are sold')
  const refused = sum([one, other], 'UNAVAILABLE')
  await until(() => sum([one, other], 'UNAVAILABLE') > refused + 80, 'all the others are refused')
  expect(sum([one, other], 'confirmed')).toBe(before + 40)
  expect(sum([one, other], 'sold_out')).toBe(0)
  expect((await stage.stock(spared)).available).toBe(0)
  // In a process that stands still for a second every partition is late.
  const answered = () => 'answered'
  const why = () => one.sale.stats().then(answered, ({ code, message }) => `${code} ${message}`)
  await expect.poll(why).toMatch(new RegExp(`UNAVAILABLE.*Partition (${hit.join('|')}) `, 's'))
  await cluster.takeOver(victim)
  await waiting
  expect(words(patient, one).map((word, i) => word ?? words(patient, other)[i])).toEqual(
    times(80, 'confirmed'),
  )
  const all = [steady, one, other]
  const last = stage.crowd(600 - sum(all, 'confirmed') + 15)
  await shared([one, other], last)
  expect(sum(all, 'sold_out')).toBe(15)
  expect(await stage.verdict(told(all), calls(all))).toEqual({ phone: 600 })
})

/**
 * Each of them puts back what it knows of, the last one ends the freeze; nobody had to be refused.
 */
async function recover(handles: readonly Handle[]): Promise<void> {
  for (const [i, { sale }] of handles.entries()) {
    const recovery = await sale.recover({ from: 'replay', unfreeze: i === handles.length - 1 })
    expect(recovery).toMatchObject({ refused: [], forgotten: 0 })
    expect(recovery.restored).toBeGreaterThan(0)
  }
}

/**
 * Those who were told of a loss ask again, and others come until one is told that there is no more.
 */
async function sellOut(
  stage: ClusterStage,
  handles: readonly Handle[],
  buyers: readonly Buyer[],
): Promise<void> {
  const all = () => new Map(handles.flatMap((handle) => [...handle.buyers.ends]))
  const lost = buyers.filter(({ name }) => all().get(name)?.told !== 'confirmed')
  await shared(handles, lost)
  const { available } = (await handles[0]!.sale.stats()).skus.phone!
  const last = stage.crowd(available + 10)
  await shared(handles, last)
  const ends = all()
  expect(lost.map(({ name }) => ends.get(name)!.told)).toEqual(times(lost.length, 'confirmed'))
  expect(last.filter(({ name }) => ends.get(name)!.told === 'sold_out')).toHaveLength(10)
}

test('a replica that lagged takes over: ROLLBACK_DETECTED where something was lost, and it is put back', async () => {
  const stage = await ClusterStage.open(cluster, { stock: { phone: 1_200 }, limitPerBuyer: 1 })
  const { victim, hit, spared } = await stage.divide(3)
  const handles = [stage.handle(), stage.handle()]
  // Those that will be hit have most of what is left, so the others come to them for it.
  const early = [...spared.flatMap((p) => stage.crowd(150, { home: [p] })), ...stage.crowd(10, { home: hit })]
  await shared(handles, early)
  const sentBy = async () => JSON.stringify(await Promise.all(hit.map((p) => stage.ask(p, 'transfers', {}))))
  const before = await sentBy()
  const kill = await runAhead(cluster, victim)
  // They are confirmed, and units have gone to those who lack them: of all that the replica knows
  // nothing.
  const lost = [...stage.crowd(60, { home: hit }), ...stage.crowd(300, { home: [spared[1]!] })]
  await shared(handles, lost)
  expect(await sentBy()).not.toBe(before)
  const half = (await stage.stock(spared)).available >> 1
  expect(half).toBeGreaterThan(10)
  await kill()
  const others = stage.crowd(half, { home: spared })
  await shared(handles, others)
  expect(sum(handles, 'confirmed')).toBe(610 + 360 + half)
  expect(sum(handles, 'ROLLBACK_DETECTED')).toBe(0)
  const misled = stage.crowd(20, { home: hit })
  await shared(handles, misled)
  expect(sum(handles, 'ROLLBACK_DETECTED')).toBe(20)
  const more = stage.crowd(half, { home: spared })
  await shared(handles, more)
  expect(sum(handles, 'confirmed')).toBe(610 + 360 + half + half)
  const fault = await faultOf(handles[0]!.sale.stats(), 'ROLLBACK_DETECTED')
  expect(fault.message).toMatch(new RegExp(`partition (${hit.join('|')}) of`))
  await recover(handles)
  await sellOut(stage, handles, [...early, ...lost, ...others, ...misled, ...more])
  expect(await stage.verdict(told(handles), calls(handles))).toEqual({ phone: 1_200 })
})

test('FLUSHALL on a master under load: STATE_LOST for its partitions, where nothing is sold; and everything is put back', async () => {
  const stage = await ClusterStage.open(cluster, { stock: { phone: 1_200 }, limitPerBuyer: 1 })
  const { victim, hit, spared } = await stage.divide(0)
  const handles = [stage.handle({ atOnce: 20 }), stage.handle({ atOnce: 20 })]
  // Units go from those that are lost to those that are not, and the other way.
  const early = [...stage.crowd(300, { home: [hit[1]!] }), ...stage.crowd(300, { home: [spared[1]!] })]
  await shared(handles, early)
  expect(sum(handles, 'confirmed')).toBe(600)
  const crowd = stage.crowd(400)
  const selling = shared(handles, crowd)
  await until(() => sum(handles, 'confirmed') > 700, 'a hundred more')
  await victim.admin.flushall()
  await selling
  const ends = new Map(handles.flatMap((handle) => [...handle.buyers.ends]))
  const unsold = crowd.filter(({ name }) => ends.get(name)!.told !== 'confirmed')
  expect(unsold.filter(({ name }) => hit.includes(stage.homeOf(name))).length).toBeGreaterThan(0)
  expect(new Set(unsold.map(({ name }) => ends.get(name)!.told))).toEqual(new Set(['STATE_LOST']))
  const late = stage.crowd(30, { home: hit })
  await shared(handles, late)
  for (const key of hit.flatMap((p) => stage.keysOf(p))) expect(await victim.admin.exists(key)).toBe(0)
  await recover(handles)
  await sellOut(stage, handles, [...early, ...crowd, ...late])
  expect(await stage.verdict(told(handles), calls(handles))).toEqual({ phone: 1_200 })
})

test('what two lost partitions had sent each other is forgotten by both: a process that remembers it does not take that for a loss', async () => {
  const stage = await ClusterStage.open(cluster, { stock: { phone: 60 } })
  const { victim, hit, spared } = await stage.divide(0)
  const handles = [stage.handle(), stage.handle()] as const
  const [witness, rescuer] = handles
  await rescuer.buyers.buy(stage.crowd(40, { home: spared }))
  // Nobody else has any left: they come from the other one.
  await witness.buyers.buy(stage.crowd(14, { home: [hit[1]!] }))
  expect(sum(handles, 'confirmed')).toBe(54)
  await victim.admin.flushall()
  await faultOf(rescuer.sale.stats(), 'STATE_LOST')
  await rescuer.sale.recover({ from: 'accept' })
  const again = stage.crowd(21, { home: [hit[1]!] })
  await witness.buyers.buy(again)
  expect(words(again, witness).toSorted()).toEqual([...times(20, 'confirmed'), 'sold_out'])
  const { violations, skus } = await witness.sale.audit()
  expect(violations).toEqual([])
  expect(skus.phone).toEqual({ total: 60, available: 0, held: 0, confirmed: 60, inTransit: 0 })
})

test('consumers of six partitions are handed every event in order, through two failovers', async () => {
  const stage = await ClusterStage.open(cluster, { stock: { phone: 4_000 }, limitPerBuyer: 1 })
  const handles = [stage.handle({ atOnce: 10 }), stage.handle({ atOnce: 10 })]
  const handled: Handled[] = []
  const confirmed = new Set<string>()
  const handler = ({ partition, sequence, reservation, type }: SaleEvent) => {
    handled.push([partition, sequence, reservation?.id ?? ''])
    if (type === 'confirmed') confirmed.add(reservation!.id)
  }
  const options = { leaseMs: 20_000, maxAttempts: 1_000_000, onError: () => {} }
  const consumers = handles.map(({ sale }) => follow(sale, options, handler))
  const buyers = [...stage.crowd(1_500), ...stage.crowd(500, { hesitates: true })]
  const selling = shared(handles, buyers)
  for (const partition of [1, 4]) {
    const before = confirmed.size
    await until(() => confirmed.size > before + 100, 'a hundred more')
    const { victim } = await stage.divide(partition)
    await killInStep(victim)
    await replaced(victim)
  }
  await selling
  const caughtUp = async () => {
    const { lag, parked } = await consumers[0]!.stats()
    return lag === 0 && parked === 0
  }
  await until(() => caughtUp().catch(() => false), 'to catch up')
  const events = await everything(handles[0]!.sale)
  const { again } = judge(handled, events)
  const ids = handles.flatMap((handle) => [...handle.buyers.ends.values()].map(({ id }) => id))
  expect([...confirmed].sort()).toEqual(ids.sort())
  expect(ids).toHaveLength(2_000)
  expect(again).toBeLessThan(events.length / 2)
  expect(await stage.verdict(told(handles), calls(handles))).toEqual({ phone: 2_000 })
})

test('the master of a waiting room is killed, then one of its sale: all units are sold, to admitted visitors', async () => {
  const stage = await ClusterStage.open(cluster, { stock: { phone: 240 }, limitPerBuyer: 1 })
  const { engine } = stage.handle()
  // Word that a pass was used can be lost with a master: then somebody else is let in when it runs
  // out.
  const options = { ratePerSecond: 80, burst: 10, sale: stage.name, passMs: 6_000, deadlineMs: 3_000 }
  const room = new WaitingRoom(stage.name, { engine, secret: SECRET, ...options })
  onTestFinished(() => room.close())
  await room.create()
  const { sale } = stage.handle({ waitingRoom: room })
  const ends = new Map<string, End>()
  const visit = async ({ name }: Buyer): Promise<End> => {
    const { ticket } = await insist(() => joined(room.join(name)))
    for (;;) {
      const answer = await insist(() => room.poll(ticket))
      if (answer.status === 'closed') return { name, told: answer.reason }
      if (answer.status === 'admitted') return enter(name, answer.pass)
      await delay(50)
    }
  }
  const enter = async (name: string, pass: string): Promise<End> => {
    const items = [{ sku: 'phone', quantity: 1 }]
    const reserved = await insist(() => sale.reserve({ buyer: name, key: 'k', items, pass }))
    // It ran out meanwhile.
    if (reserved.status === 'pass_rejected') return visit({ name, cart: [] })
    if (reserved.status !== 'reserved') return { name, told: reserved.status }
    const { id } = reserved.reservation
    const { status } = await insist(() => sale.confirm(id))
    return { name, told: status, id }
  }
  const visitors = stage.crowd(300)
  const visits = Promise.all(visitors.map(async (visitor) => ends.set(visitor.name, await visit(visitor))))
  const killedAt = [
    { slot: roomKeys('stockhold', stage.name)[0]!, ended: 40 },
    { slot: stage.slotOf(2), ended: 120 },
  ]
  for (const { slot, ended } of killedAt) {
    await until(() => ends.size > ended, 'so many have their answer')
    const victim = await cluster.masterOf(slot)
    await killInStep(victim)
    await replaced(victim)
  }
  await visits
  const all = [...ends.values()]
  expect(all.filter(({ told }) => told === 'confirmed')).toHaveLength(240)
  expect(all.filter(({ told }) => told === 'sold_out')).toHaveLength(60)
  expect(await stage.verdict([ends], [])).toEqual({ phone: 240 })
})

async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof StockholdError) || !error.retryable) throw error
      await delay(20)
    }
  }
}
