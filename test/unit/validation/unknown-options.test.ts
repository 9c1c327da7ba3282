import { afterAll, describe, expect, test } from 'vitest'
import { FlashSale, memoryEngine, redisEngine, WaitingRoom } from '../../../src/index.js'
import { postgresLedger } from '../../../src/postgres.js'
import { checkNoOversell, faultyRedis, virtualEngine } from '../../../src/testing.js'
import { named } from '../../support/invalid.js'

const engine = memoryEngine()
const secret = 'a secret of this test, 32 bytes or more'
const sale = new FlashSale('sale', { engine, deadlineMs: 60_000 })
const room = new WaitingRoom('room', { engine, deadlineMs: 60_000, secret, ratePerSecond: 1 })
const pool = { query: async () => ({ rows: [] }), connect: () => Promise.reject(new Error('no pool')) }
const ledger = postgresLedger(pool)
const proxy = await faultyRedis('redis://127.0.0.1:1')
afterAll(async () => {
  await Promise.all([sale.close(), room.close(), proxy.close()])
})
const items = [{ sku: 'a', quantity: 1 }]
const id = '1AAAAAAAAAAAAAAAAAA'

/** Every call that takes options, and each depth of them. */
const calls: Record<string, [argument: string, call: (mistake: object) => unknown]> = {
  'new FlashSale': ['options', (mistake) => new FlashSale('x', { engine, ...mistake })],
  'durability of a sale': [
    'durability',
    (mistake) => new FlashSale('x', { engine, durability: { ledger, ...mistake } }),
  ],
  'sale.create': ['rules', (mistake) => sale.create({ stock: { a: 1 }, ...mistake })],
  'options of sale.create': ['options', (mistake) => sale.create({ stock: { a: 1 } }, mistake)],
  'sale.reserve': ['request', (mistake) => sale.reserve({ buyer: 'u', items, ...mistake })],
  'a line of a cart': [
    'items[1]',
    (mistake) => sale.reserve({ buyer: 'u', items: [items[0]!, { sku: 'a', quantity: 1, ...mistake }] }),
  ],
  'options of sale.reserve': ['options', (mistake) => sale.reserve({ buyer: 'u', items }, mistake)],
  'sale.confirm': ['options', (mistake) => sale.confirm(id, mistake)],
  'sale.release': ['options', (mistake) => sale.release(id, mistake)],
  'sale.extend': ['options', (mistake) => sale.extend(id, { holdMs: 1, ...mistake })],
  'sale.refund': ['options', (mistake) => sale.refund(id, { restock: true, ...mistake })],
  'sale.get': ['options', (mistake) => sale.get(id, mistake)],
  'sale.restock': ['restock', (mistake) => sale.restock({ sku: 'a', quantity: 1, key: 'k', ...mistake })],
  'options of sale.restock': [
    'options',
    (mistake) => sale.restock({ sku: 'a', quantity: 1, key: 'k' }, mistake),
  ],
  'sale.pause': ['options', (mistake) => sale.pause(mistake)],
  'sale.resume': ['options', (mistake) => sale.resume(mistake)],
  'sale.end': ['options', (mistake) => sale.end(mistake)],
  'sale.stats': ['options', (mistake) => sale.stats(mistake)],
  'sale.audit': ['options', (mistake) => sale.audit(mistake)],
  'sale.recover': ['recovery', (mistake) => sale.recover({ from: 'accept', ...mistake })],
  'everywhere of sale.recover': [
    'everywhere',
    (mistake) =>
      sale.recover({ from: 'accept', everywhere: { waitFor: 1, timeoutMs: 1, ...mistake } as never }),
  ],
  'options of sale.recover': ['options', (mistake) => sale.recover({ from: 'accept' }, mistake)],
  'sale.consume': ['options', (mistake) => sale.consume({ group: 'g', ...mistake }, () => {})],
  'new WaitingRoom': [
    'options',
    (mistake) => new WaitingRoom('x', { engine, secret, ratePerSecond: 1, ...mistake }),
  ],
  'room.create': ['rules', (mistake) => room.create({ ...mistake })],
  'options of room.create': ['options', (mistake) => room.create({}, mistake)],
  'room.join': ['options', (mistake) => room.join('u', mistake)],
  'room.poll': ['options', (mistake) => room.poll('ticket', mistake)],
  'room.transfer': ['options', (mistake) => room.transfer('ticket', { to: 'u', ...mistake })],
  'room.leave': ['options', (mistake) => room.leave('ticket', mistake)],
  'room.ready': ['options', (mistake) => room.ready(mistake)],
  'room.revoke': ['options', (mistake) => room.revoke('u', mistake)],
  'room.block': ['options', (mistake) => room.block('u', mistake)],
  'room.unblock': ['options', (mistake) => room.unblock('u', mistake)],
  'room.setRate': ['options', (mistake) => room.setRate(1, mistake)],
  'room.pause': ['options', (mistake) => room.pause(mistake)],
  'room.resume': ['options', (mistake) => room.resume(mistake)],
  'room.stats': ['options', (mistake) => room.stats(mistake)],
  'room.verify': ['options', (mistake) => room.verify('pass', { buyer: 'u', ...mistake })],
  memoryEngine: ['options', (mistake) => memoryEngine(mistake)],
  redisEngine: ['options', (mistake) => redisEngine('redis://127.0.0.1:1', mistake)],
  'durability of an engine': [
    'durability',
    (mistake) =>
      redisEngine('redis://127.0.0.1:1', { durability: { replicas: 1, timeoutMs: 1, ...mistake } }),
  ],
  postgresLedger: ['options', (mistake) => postgresLedger(pool, mistake)],
  'ledger.follow': ['options', (mistake) => ledger.follow(sale, mistake)],
  'ledger.payments': ['options', (mistake) => ledger.payments(mistake)],
  'ledger.reconcile': ['options', (mistake) => ledger.reconcile(sale, mistake)],
  virtualEngine: ['options', (mistake) => virtualEngine(mistake)],
  faultyRedis: ['options', (mistake) => faultyRedis('redis://127.0.0.1:1', mistake)],
  'proxy.dropReplies': ['scope', (mistake) => proxy.dropReplies(mistake)],
  'proxy.cutReplies': ['scope', (mistake) => proxy.cutReplies(mistake)],
  'proxy.trickle': ['scope', (mistake) => proxy.trickle(mistake)],
  'proxy.delay': ['scope', (mistake) => proxy.delay({ ms: 1, ...mistake })],
  checkNoOversell: ['options', (mistake) => checkNoOversell(() => engine, mistake)],
}

async function faultOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  expect.fail('it was accepted')
}

describe.each(Object.entries(calls))('%s', (_, [argument, call]) => {
  test.each(['mistyped', '__proto__', 'constructor', 'x'.repeat(10_000)])(
    'refuses a name it does not know: %s',
    async (name) => {
      const mistake = Object.defineProperty({}, name, { value: 1, enumerable: true })
      named(await faultOf(() => call(mistake)), argument)
    },
  )
})

test.each<[string, () => unknown, string]>([
  ['limitPerBuyers', () => sale.create({ stock: { a: 1 }, limitPerBuyers: 1 } as never), 'limitPerBuyer'],
  ['closeAt', () => sale.create({ stock: { a: 1 }, closeAt: 1 } as never), 'closesAt'],
  ['CLOSESAT', () => sale.create({ stock: { a: 1 }, CLOSESAT: 1 } as never), 'closesAt'],
  ['idempotencyKey', () => sale.reserve({ buyer: 'u', items, idempotencyKey: 'k' } as never), 'key'],
  ['timeout', () => sale.consume({ group: 'g', timeout: 1 } as never, () => {}), 'handlerTimeoutMs'],
])('%s: the name that was meant is told', async (name, call, meant) => {
  await expect(faultOf(call)).resolves.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(`must not have "${name}". Did you mean "${meant}"?`),
  })
})

test('a name like no other: the known ones are told, and no guess is made', async () => {
  const error = (await faultOf(() => sale.refund(id, { restock: true, quantity: 1 } as never))) as Error
  expect(error.message).toBe('options must not have "quantity". It may have: restock, items, key, signal.')
})

test('every optional property may be undefined', async () => {
  const other = new FlashSale('undefined', {
    engine,
    deadlineMs: undefined,
    maxInFlight: undefined,
    waitingRoom: undefined,
    durability: undefined,
  } as never)
  const rules = { limitPerBuyer: undefined, holdMs: undefined, opensAt: undefined, closesAt: undefined }
  await other.create({ stock: { a: 1 }, ...rules } as never, { signal: undefined })
  const order = { buyer: 'u', items, key: undefined, holdMs: undefined, pass: undefined }
  expect(await other.reserve(order as never, { signal: undefined })).toMatchObject({ status: 'reserved' })
  await other.close()
})

const seconds = Math.floor(Date.UTC(2026, 0, 1) / 1_000)
test.each([seconds, 0, 978_307_199_999, new Date(0)])(
  'a time in seconds, or before 2001, is refused: %s',
  async (moment) => {
    for (const call of [
      () => sale.create({ stock: { a: 1 }, opensAt: moment }),
      () => sale.create({ stock: { a: 1 }, closesAt: moment }),
      () => room.create({ opensAt: moment }),
    ])
      await expect(faultOf(call)).resolves.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('Is it in seconds?'),
      })
  },
)

test('the first moment of 2001 is one', async () => {
  const old = new FlashSale('old', { engine, deadlineMs: 60_000 })
  await expect(old.create({ stock: { a: 1 }, opensAt: 978_307_200_000 })).resolves.toEqual({ created: true })
  await old.close()
})
