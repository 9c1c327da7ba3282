import { channel } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { FlashSale, WaitingRoom } from '../../../src/index.js'
import { instrument } from '../../../src/otel.js'
import { isObserved } from '../../../src/telemetry/open-calls.js'
import { follow } from '../../support/consumers.js'
import { Scraped } from '../../support/metrics.js'
import { onBothEngines, onClockedEngines } from '../../support/shop.js'

onBothEngines((open) => {
  test('calls are counted by command and status, errors by their code', async () => {
    const shop = await open({ stock: { a: 2 } })
    const metrics = await Scraped.open()
    const { id } = await shop.hold('u', 1, { key: 'k' })
    await shop.hold('u', 1, { key: 'k' })
    await shop.hold('v')
    await shop.reserve('w', 1, { key: 'k' })
    await shop.sale.confirm(id, { paymentId: 'p' })
    await shop.sale.confirm('').catch(() => {})
    await shop.sale.stats({ signal: AbortSignal.abort() }).catch(() => {})
    expect(
      await metrics.values('calls_total', 'subject', 'command', 'status', 'error_type', 'replayed'),
    ).toEqual({
      'sale reserve reserved  false': 2,
      'sale reserve reserved  true': 1,
      'sale reserve sold_out  false': 1,
      'sale confirm confirmed  false': 1,
      'sale confirm  INVALID_ARGUMENT ': 1,
      'sale stats  ABORTED ': 1,
    })
    expect(await metrics.values('call_duration_count', 'command', 'error_type')).toEqual({
      'reserve ': 4,
      'confirm ': 1,
      'confirm INVALID_ARGUMENT': 1,
      'stats ABORTED': 1,
    })
    expect(await metrics.values('call_active', 'command')).toEqual({ reserve: 0, confirm: 0, stats: 0 })
  })

  test('open calls are those that began since, and batches are timed in seconds', async () => {
    const shop = await open({ stock: { a: 9 } })
    const before = shop.hold('u')
    const metrics = await Scraped.open()
    const open1 = [shop.hold('v'), shop.hold('w')]
    await before
    expect(await metrics.values('call_active', 'command')).toEqual({ reserve: expect.any(Number) })
    await Promise.all(open1)
    expect(await metrics.values('call_active', 'command')).toEqual({ reserve: 0 })
    const sizes = await metrics.values('batch_size_sum', 'command')
    expect(sizes.reserve).toBe(3)
    const durations = await metrics.values('batch_duration_sum', 'command', 'outcome')
    expect(durations['reserve done']).toBeLessThan(60)
    expect(await metrics.values('batch_wait_time_count', 'command')).toMatchObject({
      reserve: expect.any(Number),
    })
  })

  test('units by SKU and state, lag and dead letters are read from the engine at each collection', async () => {
    const shop = await open({ stock: { a: 5, 'b"\n\\': 1 } })
    const metrics = await Scraped.open({ engine: shop.clock.engine })
    const { id } = await shop.hold('u', 2)
    await shop.hold('v')
    await shop.sale.confirm(id)
    expect(await metrics.values('sale_units', 'sale', 'sku', 'state')).toEqual({
      ...{ 'launch a available': 2, 'launch a held': 1, 'launch a confirmed': 2, 'launch a in_transit': 0 },
      ...{ 'launch b\\"\\n\\\\ available': 1, 'launch b\\"\\n\\\\ held': 0 },
      ...{ 'launch b\\"\\n\\\\ confirmed': 0, 'launch b\\"\\n\\\\ in_transit': 0 },
    })
    expect(await metrics.values('sale_count', 'state')).toEqual({ open: 1 })
    await shop.sale.end()
    expect(await metrics.values('sale_count', 'state')).toEqual({ open: 0, ended: 1 })
    // What the gauges read is no call.
    expect(Object.keys(await metrics.values('calls_total', 'command'))).toEqual(['reserve', 'confirm', 'end'])
    await shop.sale.destroy({ force: true })
    // A series that is gone is 0: the SDK tells the last value for ever.
    expect(await metrics.values('sale_units', 'sku')).toEqual({ a: 0, 'b\\"\\n\\\\': 0 })
    expect(await metrics.values('sale_count', 'state')).toEqual({ open: 0, ended: 0 })
  })

  test('an engine that is away leaves the gauges as they were, and counts as a failed reading', async () => {
    const shop = await open()
    const metrics = await Scraped.open({ engine: shop.clock.engine })
    await shop.hold('u')
    await shop.clock.engine.close()
    expect(await metrics.values('sale_readings_total', 'error_type')).toEqual({ CLOSED: 1 })
    expect(await metrics.values('calls_total', 'command')).toEqual({ reserve: 1 })
  })

  test('a hostile number of sales and SKUs makes a bounded number of series', async () => {
    const stock = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`sku-${i}`, 1]))
    const shop = await open({ stock }, 'launch')
    const { engine } = shop.clock
    for (let i = 0; i < 8; i++) {
      const sale = new FlashSale(`hostile-${i}`, { engine, deadlineMs: 60_000 })
      await sale.create({ stock: { a: 1 }, holdMs: 1_000 })
      await sale.close()
    }
    for (let i = 0; i < 50; i++)
      await new FlashSale(`no-sale-${i}`, { engine, deadlineMs: 60_000 }).stats().catch(() => {})
    const metrics = await Scraped.open({ engine, maxNames: 4 })
    const first = await metrics.samples()
    const units = first.filter(({ name }) => name === 'stockhold_sale_units')
    const valuesOf = (label: string) => new Set(units.map(({ labels }) => labels[label]))
    expect(valuesOf('stockhold_sale').size).toBe(4)
    expect(valuesOf('stockhold_sku').size).toBeLessThanOrEqual(5)
    expect(units.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThanOrEqual(4)
    expect(await metrics.values('sale_count', 'state')).toEqual({ open: 9 })
    // The same names again: a series has no gaps.
    const again = (await metrics.samples()).filter(({ name }) => name === 'stockhold_sale_units')
    expect(again).toEqual(units)
    for (const { labels } of first) expect(JSON.stringify(labels)).not.toContain('no-sale')
  })

  test('SKUs beyond the bound are added up, so that no unit is missing', async () => {
    const shop = await open({ stock: { a: 1, b: 20, c: 300 } })
    const metrics = await Scraped.open({ engine: shop.clock.engine, maxNames: 1 })
    const units = await metrics.values('sale_units', 'sku', 'state')
    expect([units['a available'], units['_OTHER available']]).toEqual([1, 320])
  })

  test('a room tells its queue and its rates', async () => {
    const shop = await open({ stock: { a: 5 } })
    const { engine } = shop.clock
    const metrics = await Scraped.open()
    const room = new WaitingRoom('door', {
      engine,
      deadlineMs: 60_000,
      ratePerSecond: 7,
      secret: 's'.repeat(32),
    })
    await room.create()
    await Promise.all(['u', 'v', 'w'].map((buyer) => room.join(buyer)))
    await room.stats()
    expect(await metrics.values('room_waiting', 'room')).toEqual({ door: 3 })
    expect(await metrics.values('room_rate_asked', 'room')).toEqual({ door: 7 })
    expect(await metrics.values('room_missed_turns_total', 'room')).toEqual({ door: 0 })
    const { ticket } = (await room.join('u')) as { ticket: string }
    expect(await room.poll(ticket)).toMatchObject({ status: 'admitted' })
    await shop.advance(2_000)
    await room.stats()
    expect(await metrics.values('room_rate_achieved', 'room')).toEqual({ door: 0.5 })
    await room.close()
  })

  test('once it is closed nothing is recorded and nothing subscribes', async () => {
    const shop = await open()
    const metrics = await Scraped.open({ engine: shop.clock.engine })
    await shop.hold('u')
    await metrics.instrumentation.close()
    await shop.hold('v')
    expect(await metrics.values('calls_total', 'command')).toEqual({ reserve: 1 })
    expect(await metrics.values('sale_units', 'sku')).toEqual({})
    expect(isObserved()).toBe(false)
    for (const name of ['connection', 'admission', 'consumer', 'ledger'])
      expect(channel(`stockhold:${name}`).hasSubscribers).toBe(false)
  })
})

onClockedEngines((open) => {
  test('a group tells its lag, what failed, and its dead letters', async () => {
    const shop = await open({ stock: { a: 9 }, holdMs: 60_000 })
    await shop.hold('u')
    const metrics = await Scraped.open({ engine: shop.clock.engine })
    const consumer = follow(shop.sale, { maxAttempts: 1 }, ({ type }) => {
      if (type === 'reserved') throw new Error('broken')
    })
    await shop.until(async () => (await consumer.stats()).dead === 1)
    await shop.sale.pause()
    await shop.until(async () => (await consumer.stats()).handled === 1)
    await shop.until(async () => (await consumer.stats()).lag === 0)
    expect(await metrics.values('consumer_lag', 'sale', 'group')).toEqual({ 'launch g': 0 })
    expect(await metrics.values('consumer_dead_letters', 'sale', 'group')).toEqual({ 'launch g': 1 })
    expect(await metrics.values('consumer_handler_duration_count', 'event', 'outcome')).toEqual({
      'reserved dead_letter': 1,
      'paused handled': 1,
    })
  })
})

test('options that are none are INVALID_ARGUMENT', () => {
  const none = { engine: {} } as never
  const wrong = [
    none,
    { maxNames: 0 },
    { traces: 1 },
    { meterProvider: {} },
    { tracerProvider: 3 },
    { sale: 1 },
  ]
  for (const options of wrong)
    expect(() => instrument(options as never), JSON.stringify(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  expect(isObserved()).toBe(false)
})
