import { expect, onTestFinished, test } from 'vitest'
import { PollSchedule } from '../../../src/consumer/poll-schedule.js'
import { FlashSale } from '../../../src/index.js'
import { virtualEngine } from '../../../src/testing/virtual-engine.js'
import { follow, mortal, Seen } from '../../support/consumers.js'

async function opened() {
  const virtual = virtualEngine()
  const life = mortal(virtual.engine)
  const sale = new FlashSale('launch', { engine: life.engine })
  onTestFinished(() => sale.close())
  await Promise.all([sale.create({ stock: { a: 100 } }), virtual.advance(0)])
  return { virtual, life, sale }
}

const order = (buyer: string) => ({ buyer, items: [{ sku: 'a', quantity: 1 }] })

test('what this process does itself is noticed at once, however long it has been quiet', async () => {
  const { virtual, sale } = await opened()
  const seen = new Seen()
  follow(sale, { pollMs: 3_600_000, leaseMs: 3_600_000 }, seen.note)
  await Promise.all([sale.reserve(order('u')), virtual.advance(10)])
  expect(seen.events).toHaveLength(1)
  await virtual.advance(500_000)
  await Promise.all([sale.reserve(order('v')), virtual.advance(10)])
  expect(seen.events).toHaveLength(2)
})

test('what others do is found within `pollMs`, and what follows it soon after', async () => {
  const { virtual, sale } = await opened()
  const seen = new Seen()
  follow(sale, { pollMs: 2_000 }, seen.note)
  await virtual.advance(60_000)
  const other = new FlashSale('launch', { engine: virtual.engine })
  onTestFinished(() => other.close())
  await Promise.all([other.reserve(order('u')), virtual.advance(0)])
  const begun = virtual.now()
  while (seen.events.length === 0) await virtual.advance(10)
  expect(virtual.now() - begun).toBeLessThanOrEqual(2_510)
  await Promise.all([other.reserve(order('v')), virtual.advance(300)])
  expect(seen.events).toHaveLength(2)
})

test('an hour of quiet: a look in the time of `pollMs`, a sign of life in a third of a lease', async () => {
  const { virtual, life, sale } = await opened()
  const calls = new Map<string, number>()
  life.before = (command) => void calls.set(command, (calls.get(command) ?? 0) + 1)
  const seen = new Seen()
  follow(sale, { pollMs: 10_000, leaseMs: 60_000 }, seen.note)
  await Promise.all([sale.reserve(order('u')), virtual.advance(60_000)])
  calls.clear()
  await virtual.advance(3_600_000)
  expect(calls.get('acknowledge')).toBeLessThanOrEqual(185)
  expect(calls.get('acknowledge')).toBeGreaterThanOrEqual(175)
  expect(calls.get('events')).toBeLessThanOrEqual(400)
  expect(calls.get('events')).toBeGreaterThanOrEqual(200)
  expect(calls.get('claim')).toBeUndefined()
  expect(calls.get('groups')).toBeUndefined()
  // The hold has expired meanwhile, and that was told too.
  expect(seen.events.map(({ type }) => type)).toEqual(['reserved', 'expired'])
})

test('a standby looks once a second, and takes over within a tenth of a lease', async () => {
  const { virtual, life, sale } = await opened()
  const first = follow(sale, {})
  await virtual.advance(5_000)
  const other = new FlashSale('launch', { engine: life.engine })
  onTestFinished(() => other.close())
  const second = follow(other, {})
  await virtual.advance(5_000)
  let groups = 0
  life.before = (command) => void (command === 'groups' && groups++)
  await virtual.advance(60_000)
  expect(groups).toBeLessThanOrEqual(80)
  life.before = undefined
  await Promise.all([first.close(), virtual.advance(1_300)])
  const [stats] = await Promise.all([second.stats(), virtual.advance(0)])
  expect(stats.leads).toBe(1)
})

test('what others retry is handled again within a third of a lease, though nothing else was to be looked for', async () => {
  const { virtual, sale } = await opened()
  let attempts = 0
  const handle = () => {
    attempts++
    if (attempts <= 2) throw new Error('not this time')
  }
  const ours = { maxAttempts: 1, leaseMs: 30_000, pollMs: 3_600_000, onDeadLetter: () => {} }
  follow(sale, ours, handle)
  await virtual.advance(60_000)
  await Promise.all([sale.reserve(order('u')), sale.reserve(order('v')), virtual.advance(1_000)])
  expect(attempts).toBe(2)
  const other = new FlashSale('launch', { engine: virtual.engine })
  onTestFinished(() => other.close())
  const operator = follow(other, { leaseMs: 30_000, start: 'now' }, handle)
  const [revived] = await Promise.all([operator.replay('all'), virtual.advance(1_000)])
  expect(revived).toBe(2)
  await Promise.all([operator.close(), virtual.advance(15_000)])
  expect(attempts).toBe(4)
})

test('a reading says for a second whether the engine still knows what it was told, and after a failure not even that long', async () => {
  const { virtual } = await opened()
  const timing = virtual.engine.clock!
  const pace = new PollSchedule(1_000, timing)
  expect(pace.isFresh).toBe(false)
  pace.hasRead(timing.now())
  await virtual.advance(1_000)
  expect(pace.isFresh).toBe(true)
  await virtual.advance(1)
  expect(pace.isFresh).toBe(false)
  pace.hasRead(timing.now())
  pace.distrust()
  expect(pace.isFresh).toBe(false)
})
