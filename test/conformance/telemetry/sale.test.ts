import { expect, test } from 'vitest'
import { FlashSale } from '../../../src/index.js'
import { onBothEngines } from '../../support/shop.js'
import { methodsOf, Told } from '../../support/telemetry.js'

const one = (sku: string, quantity = 1) => [{ sku, quantity }]
const settled = ['start', 'end', 'asyncStart', 'asyncEnd']
const failed = ['start', 'end', 'error', 'asyncStart', 'asyncEnd']
/** A sweep, which the sale sends by itself after half a second, carries no call. */
const sent = (told: Told) => told.batches.filter(({ command }) => command !== 'sweep')

onBothEngines((open, kind) => {
  test('every method of a sale is told once, with its status', async () => {
    const shop = await open({ stock: { a: 4, b: 9 }, limitPerBuyer: 3, maxHoldMs: 5_000 }, 'told-all')
    const { sale } = shop
    const told = new Told('told-all')
    const lines: string[] = []
    const step = async (expected: string, run: () => Promise<unknown>) => {
      const before = told.calls.length
      await run().catch(() => {})
      const calls = told.calls.slice(before)
      expect(calls.map(Told.line)).toEqual([expected])
      const { code, durationMs } = calls[0]!
      expect(told.events.get(calls[0]!)).toEqual(code ? failed : settled)
      expect(durationMs).toBeGreaterThanOrEqual(0)
      lines.push(expected)
    }
    const rules = { stock: { a: 4, b: 9 }, holdMs: 1_000, limitPerBuyer: 3, maxHoldMs: 5_000 }
    await step('create not_created', () => sale.create(rules))
    await step('create RULES_CONFLICT', () => sale.create({ ...rules, holdMs: 2_000 }))
    await step('rules ok', () => sale.rules())
    await step('reserve reserved', () => sale.reserve({ buyer: 'u', items: one('a'), key: 'k' }))
    await step('reserve reserved replayed', () => sale.reserve({ buyer: 'u', items: one('a'), key: 'k' }))
    await step('reserve IDEMPOTENCY_CONFLICT', () => sale.reserve({ buyer: 'u', items: one('b'), key: 'k' }))
    await step('reserve limit_exceeded', () => sale.reserve({ buyer: 'u', items: one('b', 4) }))
    await step('reserve INVALID_ARGUMENT', () => sale.reserve({ buyer: 'u', items: one('none') }))
    const [held, other] = await Promise.all([shop.hold('v'), shop.hold('w', one('b'))])
    const late = await shop.hold('late', one('b'), { holdMs: 1 })
    await step('extend extended', () => sale.extend(held.id, { holdMs: 1_500 }))
    await step('amend amended', () => sale.amend(held.id, { items: one('a', 2) }))
    await shop.advance(1)
    await step('amend expired', () => sale.amend(late.id, { items: one('b', 2) }))
    await step('confirm confirmed', () => sale.confirm(held.id, { paymentId: 'p' }))
    await step('confirm confirmed replayed', () => sale.confirm(held.id, { paymentId: 'p' }))
    await step('confirm refund_due', () => sale.confirm(held.id, { paymentId: 'p2' }))
    await step('confirm not_found memory', () => sale.confirm('no id at all'))
    await step('get ok', () => sale.get(held.id))
    await step('get not_found memory', () => sale.get('no id at all'))
    await step('reservationsOf ok', () => sale.reservationsOf('v'))
    await step('transfer transferred', () => sale.transfer(held.id, { to: 'x' }))
    const [given] = await sale.reservationsOf('x')
    await step('refund exceeds_order', () =>
      sale.refund(given!.id, { restock: true, items: one('b'), key: 'r' }),
    )
    await step('refund refunded', () => sale.refund(given!.id, { restock: true }))
    await step('release released', () => sale.release(other.id))
    await step('restock restocked', () => sale.restock({ sku: 'b', quantity: 1, key: 'k' }))
    await step('restock restocked replayed', () => sale.restock({ sku: 'b', quantity: 1, key: 'k' }))
    await step('setTotal set', () => sale.setTotal({ sku: 'b', total: 9, key: 'k' }))
    await step('move moved', () => sale.move({ from: 'b', to: 'a', quantity: 1, key: 'k' }))
    await step('update ok', () => sale.update({ limitPerBuyer: 2 }))
    await step('stats ok', () => sale.stats())
    await step('audit ok', () => sale.audit())
    await step('pause paused', () => sale.pause())
    await step('reserve paused', () => sale.reserve({ buyer: 'y', items: one('a') }))
    await step('resume open', () => sale.resume())
    await step('stats ABORTED', () =>
      sale.stats({ signal: AbortSignal.abort(new Error('no longer wanted')) }),
    )
    await step('consumerGroups ok', () => sale.consumerGroups())
    await step('removeConsumerGroup not_found', () => sale.removeConsumerGroup('none'))
    await step('destroy not_ended', () => sale.destroy())
    await step('recover ok', () => sale.recover({ from: 'accept' }))
    await step('end ended', () => sale.end())
    await step('destroy destroyed', () => sale.destroy({ force: true }))
    await step('stats NOT_FOUND', () => sale.stats())
    await sale.close()
    await step('stats CLOSED', () => sale.stats())
    const commands = new Set(lines.map((line) => line.split(' ')[0]))
    expect([...commands].sort()).toEqual(methodsOf(FlashSale, ['consume', 'close']))
  })

  test('a refusal that the handle remembers is told as answered from memory', async () => {
    const shop = await open({ stock: { a: 1 } }, 'told-memory')
    await shop.hold('u')
    const told = new Told('told-memory')
    for (let i = 0; i < 2; i++) expect(await shop.reserve(`v${i}`)).toMatchObject({ status: 'sold_out' })
    const second = kind.name === 'redis' ? 'reserve sold_out memory' : 'reserve sold_out'
    expect(told.calls.map(Told.line)).toEqual(['reserve sold_out', second])
    expect(sent(told).map(({ calls }) => calls.length)).toEqual(kind.name === 'redis' ? [1] : [1, 1])
  })

  test('the partition is that of the buyer and of the reservation', async () => {
    const shop = await open({ stock: { a: 100 }, partitions: 4 }, 'told-partitions')
    const told = new Told('told-partitions')
    const buyers = Array.from({ length: 20 }, (_, i) => `u${i}`)
    for (const buyer of buyers) {
      const { id } = await shop.hold(buyer)
      await shop.sale.confirm(id)
      await shop.sale.reservationsOf(buyer)
      const [reserve, confirm, list] = told.calls.slice(-3)
      const carriers = told.batches.filter(({ calls }) => calls.includes(confirm!))
      expect(carriers.map(({ partition }) => partition)).toContain(confirm!.partition)
      expect([reserve!.partition, list!.partition]).toEqual([confirm!.partition, confirm!.partition])
    }
    expect(new Set(told.calls.map(({ partition }) => partition)).size).toBeGreaterThan(1)
    await shop.sale.stats()
    expect(told.calls.at(-1)!.partition).toBeNull()
  })

  test('a batch names the calls that it carries, each call is in its batches', async () => {
    const shop = await open({ stock: { a: 100 } }, 'told-batches')
    const told = new Told('told-batches')
    const held = await Promise.all(['u', 'v', 'w'].map((buyer) => shop.hold(buyer)))
    const [batch, ...others] = sent(told)
    expect(others).toEqual([])
    expect(batch).toMatchObject({ command: 'reserve', size: 3, outcome: 'done', partition: 0, room: null })
    expect(batch!.calls).toEqual(told.calls)
    expect(batch!.serverTime).toBe(shop.now())
    await Promise.all([shop.sale.confirm(held[0]!.id), shop.sale.release(held[1]!.id), shop.sale.stats()])
    const later = sent(told).slice(1)
    expect(later.map(({ command }) => command).sort()).toEqual(['confirm', 'release', 'stats'])
    for (const { command, calls } of later) expect(calls.map((call) => call.command)).toEqual([command])
  })

  test('work that goes on after its call belongs to no call', async () => {
    const shop = await open({ stock: { a: 9 } }, 'told-after')
    const told = new Told('told-after')
    const seen: string[] = []
    const { id } = await shop.hold('u')
    const consumer = shop.sale.consume({ group: 'g', pollMs: 5 }, (event) => void seen.push(event.type))
    await shop.sale.confirm(id)
    await expect.poll(() => seen).toEqual(['reserved', 'confirmed'])
    await consumer.close()
    const ofConsumer = told.batches.filter(({ command }) =>
      ['claim', 'acknowledge', 'events'].includes(command),
    )
    expect(ofConsumer.length).toBeGreaterThan(2)
    expect(ofConsumer.flatMap(({ calls }) => calls)).toEqual([])
  })

  test('no message has a buyer, a key or a payment in it', async () => {
    const shop = await open({ stock: { a: 9 } }, 'told-secrets')
    const told = new Told('told-secrets')
    const { id } = await shop.hold('secret-buyer', 1, { key: 'secret-key' })
    await shop.sale.confirm(id, { paymentId: 'secret-payment' })
    await shop.sale.confirm(id, { paymentId: 'secret-payment-2' })
    await shop.sale.reserve({ buyer: 'secret-buyer', items: one('a', 2), key: 'secret-key' }).catch(() => {})
    const seen = new WeakSet()
    const text = JSON.stringify([told.calls, told.batches], (_, value) => {
      if (!(value instanceof Error)) return value
      if (seen.has(value)) return 'seen'
      seen.add(value)
      return { message: value.message, stack: value.stack, cause: value.cause }
    })
    expect(text).toContain('IDEMPOTENCY_CONFLICT')
    expect(text).not.toContain('secret-')
  })
})
