import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { FlashSale, type SaleRules } from '../../src/index.js'
import { postgresLedger, type SqlPool } from '../../src/postgres.js'
import { redisKind } from '../support/engines.js'
import { faultOf } from '../support/secrets.js'
import { Shop } from '../support/shop.js'
import { drop, snapshot } from '../support/snapshot.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const kind = redisKind()
beforeAll(kind.start)
afterAll(kind.stop)

async function open(rules: Partial<SaleRules> = {}) {
  const shop = new Shop(await kind.make(), 'launch')
  await shop.sale.create({ stock: { a: 10, b: 5 }, holdMs: 60_000, maxHoldMs: 600_000, ...rules })
  const ledger = await TestLedger.open(db)
  const follower = await ledger.follow(shop.sale)
  return { shop, ledger, follower }
}

const LAUNCH = '*:launch:*'

/** Redis has lost the sale, and nothing else. */
const lose = () => drop(kind.client(), LAUNCH)

/** A handle of a process that has never heard of the sale. */
function stranger(shop: Shop, options = {}): FlashSale {
  const sale = new FlashSale(shop.id, { engine: shop.clock.engine, deadlineMs: 20_000, ...options })
  onTestFinished(() => sale.close())
  return sale
}

describe.each([1, 4])('with %i partitions', (partitions) => {
  test('a sale that is gone is created again by a process that never saw it', async () => {
    const begun = performance.now()
    const { shop, ledger, follower } = await open({ partitions, limitPerBuyer: 6 })
    const held = await shop.hold('a', 2, { key: 'k' })
    await shop.advance(7)
    const extended = await shop.hold('b', 1, { holdMs: 5_000 })
    await shop.sale.extend(extended.id, { holdMs: 90_000 })
    const paid = await shop.hold('c', [
      { sku: 'a', quantity: 1 },
      { sku: 'b', quantity: 2 },
    ])
    await shop.sale.confirm(paid.id, { paymentId: 'p-1' })
    const released = await shop.hold('d', 1, { key: 'd' })
    await shop.sale.release(released.id)
    const back = await shop.confirmed('e')
    await shop.sale.refund(back.id, { restock: true })
    const away = await shop.confirmed('f')
    await shop.sale.refund(away.id, { restock: false })
    const due = await shop.hold('g')
    await shop.sale.release(due.id)
    await shop.sale.confirm(due.id, { paymentId: 'p-2' })
    for (const paymentId of ['p-3', 'p-4']) {
      await shop.sale.confirm(paid.id, { paymentId })
      await shop.sale.confirm(due.id, { paymentId })
    }
    const overtaken = await shop.hold('i', [{ sku: 'b', quantity: 1 }], { holdMs: 1 })
    const expired = await shop.hold('h', 1, { holdMs: 1, key: 'h' })
    await shop.sale.restock({ sku: 'a', quantity: 4, key: 'r' })
    await shop.advance(10)
    const last = await shop.hold('j', [{ sku: 'b', quantity: 3 }])
    await shop.sale.confirm(overtaken.id, { paymentId: 'p-5' })
    await shop.sale.release(last.id)
    const before = await shop.sale.stats()
    await ledger.agrees(shop.sale)
    await follower.close()
    await lose()
    const other = stranger(shop)
    await faultOf(other.stats(), 'NOT_FOUND')
    const recovery = await other.recover({ from: ledger.ledger })
    expect(recovery).toEqual({ restored: 10, refused: [], forgotten: 0, state: 'open' })
    expect(await other.stats()).toEqual(before)
    expect(await other.get(held.id)).toMatchObject({
      state: 'held',
      expiresAt: expect.any(Number),
    })
    // What is left of it is reckoned by this process' own timers, which run on while the engine's
    // clock stands still.
    const { expiresAt } = (await other.get(held.id))!
    expect(expiresAt).toBeLessThanOrEqual(held.expiresAt)
    expect(expiresAt).toBeGreaterThan(held.expiresAt - (performance.now() - begun) - 10)
    const item = [{ sku: 'a', quantity: 2 }]
    expect(await other.reserve({ buyer: 'a', items: item, key: 'k' })).toMatchObject({
      status: 'reserved',
      replayed: true,
      reservation: { id: held.id },
    })
    expect(await other.reserve({ buyer: 'd', items: [{ sku: 'a', quantity: 1 }], key: 'd' })).toMatchObject({
      status: 'key_spent',
    })
    expect(await other.reserve({ buyer: 'h', items: [{ sku: 'a', quantity: 1 }], key: 'h' })).toMatchObject({
      status: 'key_spent',
    })
    expect(await other.confirm(paid.id)).toMatchObject({
      status: 'confirmed',
      replayed: true,
      reservation: { paymentId: 'p-1' },
    })
    expect(await other.confirm(released.id)).toMatchObject({ status: 'refund_due', reason: 'released' })
    expect(await other.confirm(away.id)).toMatchObject({ status: 'refund_due', reason: 'refunded' })
    expect(await other.confirm(due.id)).toMatchObject({
      status: 'refund_due',
      reservation: { paymentId: 'p-2' },
    })
    for (const paymentId of ['p-3', 'p-4']) {
      expect(await other.confirm(paid.id, { paymentId })).toMatchObject({ reason: 'duplicate_payment' })
      expect(await other.confirm(due.id, { paymentId })).toMatchObject({ reason: 'released' })
    }
    // Though its units are there again: the same answer for ever.
    expect(await other.confirm(overtaken.id, { paymentId: 'p-5' })).toMatchObject({ reason: 'sold_out' })
    expect(await other.confirm(expired.id)).toMatchObject({ status: 'confirmed', late: true })
    expect((await other.audit()).violations).toEqual([])
    // The process that saw the sale before goes on, and so does the ledger.
    expect(await shop.sale.get(held.id)).toMatchObject({ state: 'held' })
    await ledger.follow(other)
    await ledger.agrees(other)
    expect(ledger.errors).toEqual([])
  })

  test('the rules in force come back, and what was bought under earlier ones', async () => {
    const { shop, ledger, follower } = await open({ partitions, limitPerBuyer: 1 })
    const late = shop.handle()
    await late.stats()
    await shop.sale.update({ stock: { kiwi: 9 }, limitPerBuyer: 4 })
    const bought = await shop.hold('ann', [{ sku: 'kiwi', quantity: 4 }])
    await late.restock({ sku: 'kiwi', quantity: 2, key: 'more' })
    await shop.sale.update({ limitPerBuyer: 2, closesAt: shop.now() + 3_600_000 })
    await ledger.agrees(shop.sale)
    const { rows } = await db.pool.query(
      `SELECT details FROM "${ledger.schema}".events WHERE type = 'updated' AND partition = 0 ORDER BY sequence`,
    )
    expect(rows.map(({ details }) => details)).toEqual([
      { revision: 1, changes: { stock: { kiwi: 9 }, limitPerBuyer: 4 } },
      { revision: 2, changes: { limitPerBuyer: 2, closesAt: shop.now() + 3_600_000 } },
    ])
    await follower.close()
    await lose()
    const other = stranger(shop)
    expect(await other.recover({ from: ledger.ledger })).toMatchObject({ restored: 1, refused: [] })
    expect(await other.rules()).toMatchObject({ revision: 2, limitPerBuyer: 2 })
    expect(await other.get(bought.id)).toMatchObject({ state: 'held', items: bought.items })
    expect((await other.stats()).skus.kiwi).toMatchObject({ total: 11, available: 7, held: 4 })
    const rules = { stock: { a: 10, b: 5 }, holdMs: 60_000, maxHoldMs: 600_000, partitions, limitPerBuyer: 1 }
    expect(await stranger(shop).create(rules)).toEqual({ created: false })
    expect((await other.audit()).violations).toEqual([])
    await ledger.follow(other)
    await ledger.agrees(other)
    expect(ledger.errors).toEqual([])
  })

  test('a sale that is sold out comes back sold out, with all buyers who gave up and all who came too late', async () => {
    const { shop, ledger } = await open({ stock: { a: 3 }, partitions, limitPerBuyer: 1 })
    const gone = []
    for (let i = 0; i < 12; i++) {
      const one = await shop.hold(`gone-${i}`, 1, { holdMs: 10, key: 'k' })
      if (i % 2 === 0) await shop.sale.release(one.id)
      else await shop.advance(10)
      gone.push(one)
    }
    const again = await shop.hold('gone-0', 1, { key: 'k2' })
    for (const buyer of ['x', 'y']) await shop.confirmed(buyer)
    await ledger.agrees(shop.sale)
    await lose()
    const other = stranger(shop)
    expect(await other.recover({ from: ledger.ledger })).toEqual({
      restored: 15,
      refused: [],
      forgotten: 0,
      state: 'open',
    })
    expect((await other.stats()).skus.a).toMatchObject({ total: 3, available: 0, held: 1, confirmed: 2 })
    for (const [i, { id }] of gone.entries())
      expect(await other.confirm(id)).toMatchObject({
        status: 'refund_due',
        reason: i % 2 === 0 ? 'released' : i === 0 ? 'limit_exceeded' : 'sold_out',
      })
    expect(await other.get(again.id)).toMatchObject({ state: 'held' })
    expect((await other.audit()).violations).toEqual([])
  })

  test('paused stays paused, ended stays ended', async () => {
    for (const action of ['pause', 'end'] as const) {
      const { shop, ledger } = await open({ partitions })
      await shop.hold('a')
      await shop.sale[action]()
      await ledger.agrees(shop.sale)
      await lose()
      const other = stranger(shop)
      await other.recover({ from: ledger.ledger })
      expect((await other.stats()).state).toBe(action === 'pause' ? 'paused' : 'ended')
    }
  })
})

test('an older snapshot, and no process that has seen more: the ledger knows', async () => {
  const { shop, ledger, follower } = await open()
  const early = await shop.hold('early')
  const goBack = await snapshot(kind.client(), LAUNCH)
  await shop.sale.release(early.id)
  const paid = await shop.confirmed('paid')
  await shop.hold('held')
  await ledger.agrees(shop.sale)
  await follower.close()
  await shop.sale.close()
  await goBack()
  const other = stranger(shop)
  // Nobody knows better, so it sells on ...
  const unaware = await other.reserve({ buyer: 'unaware', items: [{ sku: 'a', quantity: 1 }] })
  expect(unaware.status).toBe('reserved')
  // ... until somebody follows, or recovers.
  const second = await ledger.ledger.follow(other, { onError: (error) => ledger.errors.push(error) })
  onTestFinished(() => second.close())
  await expect.poll(() => ledger.errors[0]).toMatchObject({ code: 'ROLLBACK_DETECTED' })
  await faultOf(other.reserve({ buyer: 'v', items: [{ sku: 'a', quantity: 1 }] }), 'ROLLBACK_DETECTED')
  expect(await other.recover({ from: ledger.ledger })).toMatchObject({ restored: 4, refused: [] })
  expect(await other.get(paid.id)).toMatchObject({ state: 'confirmed' })
  expect(await other.get(early.id)).toMatchObject({ state: 'released' })
  expect((await other.stats()).skus.a).toMatchObject({ held: 2, confirmed: 1 })
  // What was sold meanwhile is found, and entered.
  const settled = () => ledger.sql('SELECT generation, stale FROM $schema.positions')
  await expect.poll(settled).toEqual([{ generation: 2, stale: false }])
  expect(await ledger.ledger.reconcile(other)).toEqual(expect.objectContaining({ ok: true, checked: 4 }))
  const superseded = await ledger.sql(
    'SELECT generation, type FROM $schema.events WHERE superseded ORDER BY sequence',
  )
  expect(superseded.length).toBeGreaterThan(0)
})

test('a snapshot older than an earlier recovery: the ledger has the events of the history that goes on, and no others', async () => {
  const { shop, ledger } = await open()
  // A recovery makes no such events: those of the same numbers are others then.
  await shop.sale.pause()
  await shop.sale.resume()
  const early = await shop.hold('early')
  const goBack = await snapshot(kind.client(), LAUNCH)
  await shop.sale.release(early.id)
  await ledger.agrees(shop.sale)
  await lose()
  await shop.sale.recover({ from: ledger.ledger })
  const between = await shop.confirmed('between')
  await ledger.agrees(shop.sale)
  await goBack()
  await faultOf(shop.sale.stats(), 'ROLLBACK_DETECTED')
  expect(await shop.sale.recover({ from: ledger.ledger })).toMatchObject({ refused: [], state: 'open' })
  const after = await shop.hold('after')
  await ledger.agrees(shop.sale)
  const states = await Promise.all(
    [early, between, after].map(async ({ id }) => (await shop.sale.get(id))?.state),
  )
  expect(states).toEqual(['released', 'confirmed', 'held'])
  const stored = await ledger.sql(
    'SELECT sequence::int, type FROM $schema.events WHERE NOT superseded ORDER BY sequence',
  )
  const present = (await shop.ask('events', { after: 0, reservations: false })).events
  expect(stored).toEqual(present.map(({ sequence, type }) => ({ sequence, type })))
  expect(await ledger.ledger.reconcile(shop.sale)).toMatchObject({ ok: true })
})

/** Fails unless the ledger has the events of the present history, and no others. */
async function hasPresentEvents(shop: Shop, ledger: TestLedger): Promise<void> {
  const stored = await ledger.sql(
    'SELECT sequence::int, type, reservation AS id FROM $schema.events WHERE NOT superseded ORDER BY sequence',
  )
  const { events } = await shop.ask('events', { after: 0, reservations: false })
  expect(stored).toEqual(
    events.map((event) => ({
      sequence: event.sequence,
      type: event.type,
      id: 'id' in event ? event.id : null,
    })),
  )
}

test('another history overtook what the ledger has before the sale froze: the ledger has the events of that one', async () => {
  const { shop: first, ledger, follower } = await open()
  for (const buyer of ['a', 'b', 'c']) await first.hold(buyer)
  await ledger.agrees(first.sale)
  await follower.close()
  const fork = await snapshot(kind.client(), LAUNCH)
  for (let i = 0; i < 5; i++) await first.hold(`new-${i}`, [{ sku: 'b', quantity: 1 }])
  await first.sale.close()
  const overtaking = await snapshot(kind.client(), LAUNCH)
  await fork()
  const shop = new Shop(first.clock, first.id)
  const second = await ledger.follow(shop.sale)
  const lost = await shop.hold('lost')
  for (const buyer of ['d', 'e']) await shop.hold(buyer)
  await ledger.agrees(shop.sale)
  await second.close()
  await overtaking()
  await faultOf(shop.sale.stats(), 'ROLLBACK_DETECTED')
  await shop.sale.recover({ from: 'accept' })
  await ledger.follow(stranger(shop))
  await expect
    .poll(() => ledger.sql('SELECT generation, stale FROM $schema.positions'))
    .toEqual([{ generation: 2, stale: false }])
  await ledger.agrees(shop.sale)
  await hasPresentEvents(shop, ledger)
  expect(await ledger.sql('SELECT state FROM $schema.reservations WHERE id = $1', [lost.id])).toEqual([
    { state: 'forgotten' },
  ])
})

test('a generation without an event is lost: the ledger knows of it, and goes on after the recovery', async () => {
  const { shop, ledger, follower } = await open()
  await shop.hold('a')
  const oldest = await snapshot(kind.client(), LAUNCH)
  await shop.hold('b')
  const older = await snapshot(kind.client(), LAUNCH)
  await shop.hold('c')
  await ledger.agrees(shop.sale)
  await older()
  await faultOf(shop.sale.stats(), 'ROLLBACK_DETECTED')
  await shop.sale.recover({ from: 'accept' })
  await expect
    .poll(() => ledger.sql('SELECT generation, stale FROM $schema.positions'))
    .toEqual([{ generation: 2, stale: false }])
  await follower.close()
  await shop.sale.close()
  await oldest()
  const other = stranger(shop)
  expect(await other.recover({ from: ledger.ledger })).toMatchObject({ refused: [], state: 'open' })
  await ledger.follow(other)
  expect(await other.reserve({ buyer: 'after', items: [{ sku: 'a', quantity: 1 }] })).toMatchObject({
    status: 'reserved',
  })
  await expect
    .poll(() => ledger.sql('SELECT generation, stale FROM $schema.positions'))
    .toEqual([{ generation: 4, stale: false }])
  await ledger.agrees(other)
  await hasPresentEvents(shop, ledger)
})

test.each([
  ['a later generation', 'generation = 3, since = 0', 5],
  ['another beginning of its generation', 'since = 7, sequence = 7', 4],
])(
  'Redis has come back from before %s, which only the ledger has: the sale freezes',
  async (_, moved, next) => {
    const { shop, ledger } = await open()
    const held = await shop.hold('held')
    await ledger.agrees(shop.sale)
    // By a follower of a process that has ended since.
    await ledger.sql(`UPDATE $schema.positions SET ${moved}`)
    const order = { buyer: 'v', items: [{ sku: 'a', quantity: 1 }], key: 'k' }
    const told = () =>
      shop.sale.reserve(order).then(
        ({ status }) => status,
        (error) => error.code,
      )
    await expect.poll(told).toBe('ROLLBACK_DETECTED')
    expect(await shop.sale.recover({ from: ledger.ledger })).toMatchObject({ refused: [], state: 'open' })
    expect(await told()).toBe('reserved')
    await expect
      .poll(() => ledger.sql('SELECT generation, stale FROM $schema.positions'))
      .toEqual([{ generation: next, stale: false }])
    await ledger.agrees(shop.sale)
    await hasPresentEvents(shop, ledger)
    expect(await shop.sale.get(held.id)).toMatchObject({ state: 'held' })
  },
)

test('accepted as forgotten: the ledger says so, and does not bring it back', async () => {
  const { shop, ledger } = await open()
  const lost = await shop.hold('lost')
  await ledger.agrees(shop.sale)
  await lose()
  await faultOf(shop.sale.stats(), 'STATE_LOST')
  await shop.sale.recover({ from: 'accept' })
  await expect.poll(() => ledger.column('reservations', 'state')).toEqual(['forgotten'])
  await ledger.agrees(shop.sale)
  await lose()
  expect(await stranger(shop).recover({ from: ledger.ledger })).toMatchObject({ restored: 0 })
  expect(await shop.sale.get(lost.id)).toBeUndefined()
})

test('a comparison that is due is made by the next follower, whichever saw that it is', async () => {
  const { shop, ledger, follower } = await open()
  const lost = await shop.hold('lost')
  await ledger.agrees(shop.sale)
  await follower.close()
  await lose()
  await faultOf(shop.sale.stats(), 'STATE_LOST')
  await shop.sale.recover({ from: 'accept' })
  expect(await ledger.ledger.reconcile(shop.sale)).toMatchObject({ unknown: { count: 1, ids: [lost.id] } })
  expect(await ledger.column('positions', 'stale')).toEqual([true])
  await ledger.follow(stranger(shop))
  await expect.poll(() => ledger.column('positions', 'stale')).toEqual([false])
  expect(await ledger.column('reservations', 'state')).toEqual(['forgotten'])
})

test('what was taken out stays out, and no more than that', async () => {
  const { shop, ledger } = await open({ stock: { a: 10 } })
  const one = await shop.hold('a', 7)
  expect(await shop.sale.restock({ sku: 'a', quantity: -9, key: 'out' })).toMatchObject({ applied: -3 })
  await shop.sale.release(one.id)
  await ledger.agrees(shop.sale)
  await lose()
  const other = stranger(shop)
  await other.recover({ from: ledger.ledger })
  expect((await other.stats()).skus.a).toMatchObject({ total: 7, available: 7 })
})

test('a restock made by the process that recovers is made once, by its key', async () => {
  const { shop, ledger } = await open({ stock: { a: 10 } })
  await shop.sale.restock({ sku: 'a', quantity: 5, key: 'delivery' })
  await ledger.agrees(shop.sale)
  await lose()
  await faultOf(shop.sale.stats(), 'STATE_LOST')
  await shop.sale.recover({ from: ledger.ledger })
  expect(await shop.sale.restock({ sku: 'a', quantity: 5, key: 'delivery' })).toMatchObject({
    replayed: true,
  })
  expect((await shop.sale.stats()).skus.a).toMatchObject({ total: 15 })
})

// Events do not say by which key a restock was made: until they do, a stranger cannot know it.
test('a restock keeps its key', async () => {
  const { shop, ledger } = await open({ stock: { a: 10 } })
  await shop.sale.restock({ sku: 'a', quantity: 5, key: 'delivery' })
  await ledger.agrees(shop.sale)
  await lose()
  const other = stranger(shop)
  await other.recover({ from: ledger.ledger })
  expect(await other.restock({ sku: 'a', quantity: 5, key: 'delivery' })).toMatchObject({
    applied: 5,
    replayed: true,
  })
  expect((await other.stats()).skus.a).toMatchObject({ total: 15 })
})

test('what was read before the recovery and not written is not acknowledged after it', async () => {
  const { shop, ledger } = await open({ stock: { a: 3 } })
  let openGate = () => {}
  const gate = new Promise<void>((resolve) => {
    openGate = resolve
  })
  let arrived = () => {}
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve
  })
  let isHeld = false
  const slow: SqlPool = {
    connect: () => ledger.pool.connect(),
    async query(text, values) {
      if (isHeld && text.includes('moved')) {
        arrived()
        await gate
      }
      return ledger.pool.query(text, values)
    },
  }
  await ledger.agrees(shop.sale)
  const durability = { ledger: postgresLedger(slow, { schema: ledger.schema }) }
  const sale = new FlashSale('launch', { engine: shop.clock.engine, durability, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  const items = [{ sku: 'a', quantity: 1 }]
  expect(await sale.reserve({ buyer: 'early', items })).toMatchObject({ status: 'reserved' })
  // The follower of this test must not be the one who writes it.
  await ledger.stopFollowing()
  isHeld = true
  const late = sale.reserve({ buyer: 'late', items }).then(
    ({ status }) => status,
    ({ code }) => code,
  )
  await arrival
  await lose()
  const other = stranger(shop)
  await other.recover({ from: ledger.ledger })
  openGate()
  expect(await late).toBe('UNKNOWN_OUTCOME')
  expect((await other.stats()).skus.a).toMatchObject({ held: 1 })
})

test('what this handle knows beyond the ledger is put back, too', async () => {
  const { shop, ledger, follower } = await open({ stock: { a: 3 } })
  const before = await shop.hold('before')
  await ledger.agrees(shop.sale)
  await follower.close()
  const after = await shop.confirmed('after')
  await shop.sale.confirm(before.id, { paymentId: 'p' })
  await lose()
  await faultOf(shop.sale.stats(), 'STATE_LOST')
  expect(await shop.sale.recover({ from: ledger.ledger })).toEqual({
    restored: 2,
    refused: [],
    forgotten: 0,
    state: 'open',
  })
  expect(await shop.sale.get(after.id)).toMatchObject({ state: 'confirmed' })
  expect(await shop.sale.get(before.id)).toMatchObject({ state: 'confirmed', paymentId: 'p' })
})

test('a sale that the ledger does not know, or another of the same name', async () => {
  const { shop, ledger } = await open()
  const empty = await TestLedger.open(db)
  await faultOf(shop.sale.recover({ from: empty.ledger }), 'NOT_FOUND')
  await ledger.agrees(shop.sale)
  await lose()
  const other = stranger(shop)
  await other.create({ stock: { a: 1 } })
  await faultOf(other.recover({ from: ledger.ledger }), 'STATE_LOST')
  await faultOf(ledger.ledger.follow(other), 'STATE_LOST')
  expect((await other.stats()).skus.a).toMatchObject({ total: 1 })
})
