import { expect, test } from 'vitest'
import { Consumer } from '../../../src/consumer/consumer.js'
import { follow } from '../../support/consumers.js'
import { onClockedEngines } from '../../support/shop.js'
import { methodsOf, Told } from '../../support/telemetry.js'

onClockedEngines((open) => {
  test('every method of a consumer is told once, with its status', async () => {
    const shop = await open()
    const consumer = follow(shop.sale, {})
    await shop.until(async () => (await consumer.stats()).leads === 1)
    const told = new Told('launch')
    const step = async (expected: string, run: () => Promise<unknown>) => {
      const before = told.calls.length
      await run().catch(() => {})
      const calls = told.calls.slice(before)
      expect(calls.map(Told.line)).toEqual([expected])
      expect(calls[0]).toMatchObject({ sale: 'launch', group: 'g', room: null, partition: null })
    }
    await step('stats ok', () => consumer.stats())
    await step('replay ok', () => consumer.replay('all'))
    await step('replay INVALID_ARGUMENT', () => consumer.replay(['no id']))
    await step('discard ok', () => consumer.discard('all'))
    const commands = new Set(told.calls.map(({ command }) => command))
    expect([...commands].sort()).toEqual(methodsOf(Consumer, ['deadLetters', 'close']))
  })

  test('every end of a handler is told, with its attempt and what it took', async () => {
    const shop = await open({ stock: { a: 9 }, holdMs: 60_000 })
    const told = new Told('launch')
    const { id } = await shop.hold('u')
    await shop.sale.confirm(id)
    const broken = new Error('no')
    const consumer = follow(shop.sale, { maxAttempts: 2, retryDelayMs: 10 }, async (event) => {
      await new Promise<void>((resolve) => void shop.timers.after(30, resolve))
      if (event.type === 'confirmed') throw broken
    })
    await shop.until(async () => (await consumer.stats()).dead === 1)
    const common = { sale: 'launch', group: 'g', partition: 0, durationMs: 30 }
    const handlers = told.consumers.filter((message) => 'attempt' in message)
    expect(handlers).toEqual([
      { ...common, type: 'handled', event: 'reserved', attempt: 1 },
      { ...common, type: 'failed', event: 'confirmed', attempt: 1, error: broken },
      { ...common, type: 'dead_letter', event: 'confirmed', attempt: 2, error: broken },
    ])
    const progress = told.consumers.filter(({ type }) => type === 'progress')
    expect(progress.at(-1)).toMatchObject({ position: 2, latest: 2, lag: 0, parked: 0, dead: 1 })
  })
})
