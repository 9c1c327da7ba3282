import { inspect } from 'node:util'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { joined } from '../../../scripts/lib/joined.js'
import { memoryEngine, WaitingRoom, type WaitingRoomOptions } from '../../../src/index.js'
import { labelled, named, noNumber, thrown } from '../../support/invalid.js'
import { SECRET, spied } from '../../support/waiting-room.js'

const spy = spied(memoryEngine())
const { engine } = spy
const usual = { engine, secret: SECRET, ratePerSecond: 1, deadlineMs: 60_000 }
/**
 * One that has learned the room's rules, and one that has not. Neither looks around by itself:
 * nobody polls.
 */
const room = new WaitingRoom('room', usual)
const fresh = new WaitingRoom('room', usual)
let ticket: string
beforeAll(async () => {
  await room.create()
  const maker = new WaitingRoom('room', usual)
  ticket = (await joined(maker.join('ann'))).ticket
  await maker.close()
})

/** The call ends as INVALID_ARGUMENT that names the argument, and nothing was sent. */
async function refused(call: () => unknown, argument: string): Promise<void> {
  const before = spy.count()
  const error = await Promise.resolve(call()).then(
    (value) => expect.fail(`resolved with ${inspect(value)}`),
    (reason: unknown) => reason,
  )
  named(error, argument)
  expect(spy.count()).toBe(before)
}

const construct = (options: object, id = 'room') =>
  new WaitingRoom(id, { ...usual, ...options } as WaitingRoomOptions)

const noId = [
  '',
  '\ud800',
  'x'.repeat(257),
  'ü'.repeat(129),
  1,
  0,
  NaN,
  1n,
  null,
  undefined,
  true,
  [],
  ['a'],
  {},
]

describe.each(labelled([...noId, Symbol('s'), () => 'a', new String('a')]))(
  'an id that is %s',
  (_, value) => {
    const id = value as string
    test('is refused wherever there is one', async () => {
      for (const handle of [room, fresh]) {
        await refused(() => handle.join(id), 'buyer')
        await refused(() => handle.revoke(id), 'buyer')
        await refused(() => handle.block(id), 'buyer')
        await refused(() => handle.transfer(ticket, { to: id }), 'to')
        if (value !== undefined) {
          await refused(() => handle.transfer(ticket, { to: 'bob', buyer: id }), 'buyer')
          await refused(() => handle.poll(ticket, { buyer: id }), 'buyer')
        }
        await refused(() => handle.unblock(id), 'buyer')
        thrown(() => handle.verify('pass', { buyer: id }), 'buyer')
      }
      thrown(() => new WaitingRoom(id, usual), 'id')
      if (value !== undefined) thrown(() => construct({ sale: id }), 'sale')
    })
  },
)

describe.each(
  labelled([...noNumber.filter((value) => typeof value !== 'number'), NaN, Infinity, -1, -0.001]),
)('a rate that is %s', (_, value) => {
  const rate = value as number
  test('is refused', async () => {
    thrown(() => construct({ ratePerSecond: rate }), 'ratePerSecond')
    for (const handle of [room, fresh]) await refused(() => handle.setRate(rate), 'perSecond')
  })
})

test.each([0.0001, 1.2345, 1_000_000.001, 1_000_001, 1e-9, 2 ** 53, undefined])(
  'a rate of %s',
  async (rate) => {
    thrown(() => construct({ ratePerSecond: rate }), 'ratePerSecond')
    await refused(() => room.setRate(rate as number), 'perSecond')
  },
)

describe.each(labelled(noNumber))('a whole number that is %s', (_, value) => {
  test('is refused', async () => {
    for (const argument of ['burst', 'claimMs', 'passMs', 'deadlineMs', 'maxInFlight'])
      thrown(() => construct({ [argument]: value }), argument)
    for (const handle of [room, fresh])
      await refused(() => handle.setRate(1, { burst: value as number }), 'burst')
    if (value instanceof Date) return
    for (const handle of [room, fresh])
      await refused(() => handle.create({ opensAt: value as number }), 'opensAt')
  })
})

test.each([
  ['burst', [0, -1, 1_000_001]],
  ['claimMs', [0, 99, 600_001]],
  ['passMs', [0, 99, 86_400_001]],
  ['deadlineMs', [0, 3_600_001]],
  ['maxInFlight', [0, 10_000_001]],
  ['overcommit', [0, 0.5, 0.999, 1.0015, 1_000.001, -1, NaN, '1', null, {}]],
  ['onUnavailable', ['', 'Hold', null, 1, true, {}]],
  ['engine', [null, undefined, 1, 'redis://', {}, []]],
  ['sale', [null, 1, {}, [], true, { id: 'x' }, { stats: () => {} }, { id: 7, stats: () => {} }]],
  ['secret', [undefined, null, 1, '', 'x'.repeat(31), [], {}, Buffer.alloc(32)]],
])('%s out of bounds', (argument, values) => {
  for (const value of values) thrown(() => construct({ [argument]: value }), argument)
})

test('of several secrets, the one that is too short is named, and none is told', () => {
  const error = thrown(() => construct({ secret: [SECRET, 'hush-hush'] }), 'secret[1]')
  expect(inspect(error)).not.toContain('hush')
})

test('the bounds themselves are fine', () => {
  for (const rest of [
    { ratePerSecond: 0 },
    { ratePerSecond: 0.001 },
    { ratePerSecond: 1_000_000, burst: 1_000_000 },
    { claimMs: 100, passMs: 100, deadlineMs: 1, maxInFlight: 1, overcommit: 1 },
    {
      claimMs: 600_000,
      passMs: 86_400_000,
      deadlineMs: 3_600_000,
      maxInFlight: 10_000_000,
      overcommit: 1_000,
    },
    { secret: 'ü'.repeat(16) },
    { secret: [SECRET, 'x'.repeat(32)] },
  ])
    construct(rest)
})

test('without a burst: one second of the rate, and at least one', async () => {
  for (const [ratePerSecond, burst] of [
    [0, 1],
    [0.5, 1],
    [2.5, 3],
    [500, 500],
  ] as const) {
    const made = construct({ ratePerSecond }, `rate ${ratePerSecond}`)
    onTestFinished(() => made.close())
    await made.create()
    expect(await made.stats()).toMatchObject({ ratePerSecond, burst, tokens: burst })
  }
})

test('rules that are none, an order that is none, a draw without its time', async () => {
  for (const handle of [room, fresh]) {
    for (const rules of [null, 1, 'fifo', true, []])
      await refused(() => handle.create(rules as never), 'rules')
    for (const order of ['', 'FIFO', 'lifo', null, 1, {}])
      await refused(() => handle.create({ order: order as never }), 'order')
    await refused(() => handle.create({ order: 'random' }), 'opensAt')
    for (const opensAt of [-1, 253_402_300_800_000, new Date(NaN), new Date(-1)])
      await refused(() => handle.create({ opensAt }), 'opensAt')
  }
})

test('options that are none', async () => {
  for (const options of [null, 1, 'text', true, []] as never[]) {
    await refused(() => room.setRate(1, options), 'options')
    thrown(() => room.verify('pass', options), 'options')
    thrown(() => new WaitingRoom('room', options), 'options')
  }
  thrown(() => room.verify('pass', undefined as never), 'options')
  thrown(() => new WaitingRoom('room', undefined as never), 'options')
})

test('a signal that is none', async () => {
  for (const signal of [null, 1, {}, 'abort', new AbortController()] as never[]) {
    for (const handle of [room, fresh]) {
      const options = { signal }
      await refused(() => handle.create({}, options), 'signal')
      await refused(() => handle.join('ann', options), 'signal')
      await refused(() => handle.poll(ticket, options), 'signal')
      await refused(() => handle.leave(ticket, options), 'signal')
      await refused(() => handle.revoke('ann', options), 'signal')
      await refused(() => handle.setRate(1, options), 'signal')
      await refused(() => handle.pause(options), 'signal')
      await refused(() => handle.resume(options), 'signal')
      await refused(() => handle.stats(options), 'signal')
      thrown(() => handle.updates(ticket, options), 'signal')
    }
  }
})

test('a signal that was given already: its reason, and nothing is sent', async () => {
  const before = spy.count()
  const options = { signal: AbortSignal.abort(new Error('enough')) }
  for (const call of [
    () => room.create({}, options),
    () => room.join('ann', options),
    () => room.poll(ticket, options),
    () => room.leave(ticket, options),
    () => room.revoke('ann', options),
    () => room.setRate(1, options),
    () => room.pause(options),
    () => room.stats(options),
  ])
    await expect(call()).rejects.toThrow('enough')
  expect(spy.count()).toBe(before)
})
