import { getEventListeners } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { onAbort, unlessAborted } from '../../../src/batching/abort.js'
import { FlashSale } from '../../../src/index.js'
import { memoryKind } from '../../support/engines.js'

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

test('however many wait for a signal, it has one listener, and none once they have stopped', () => {
  const controller = new AbortController()
  const { signal } = controller
  let calls = 0
  const callback = () => void calls++
  const stops = Array.from({ length: 20 }, () => onAbort(signal, callback))
  expect(listeners(signal)).toBe(1)
  for (const stop of stops.slice(0, 15)) stop()
  stops[0]!()
  expect(listeners(signal)).toBe(1)
  controller.abort()
  expect([calls, listeners(signal)]).toEqual([5, 0])
  for (const stop of stops) stop()
  controller.abort()
  expect([calls, listeners(signal)]).toEqual([5, 0])
})

test('a call that stops waiting leaves those that begin to wait later', () => {
  const controller = new AbortController()
  const { signal } = controller
  const told: string[] = []
  const first = onAbort(signal, () => told.push('first'))
  first()
  expect(listeners(signal)).toBe(0)
  onAbort(signal, () => told.push('second'))
  first()
  expect(listeners(signal)).toBe(1)
  controller.abort()
  expect(told).toEqual(['second'])
})

test('one that stops another while all are told', () => {
  const controller = new AbortController()
  const told: string[] = []
  onAbort(controller.signal, () => stop())
  const stop = onAbort(controller.signal, () => told.push('stopped'))
  onAbort(controller.signal, () => told.push('told'))
  controller.abort()
  expect(told).toEqual(['told'])
})

test('a promise that fails after the caller has aborted, before or meanwhile, ends no process', async () => {
  const away = new Error('away')
  await expect(unlessAborted(Promise.reject(away), AbortSignal.abort('gone'))).rejects.toBe('gone')
  const controller = new AbortController()
  let fail = (_: Error) => {}
  const promise = new Promise<never>((_, reject) => {
    fail = reject
  })
  const answer = unlessAborted(promise, controller.signal)
  controller.abort('gone')
  await expect(answer).rejects.toBe('gone')
  fail(away)
  await new Promise((resolve) => setImmediate(resolve))
  expect(listeners(controller.signal)).toBe(0)
})

test('fifty calls may share a signal, and Node warns of nothing', async () => {
  const warnings: Error[] = []
  const warned = (warning: Error) => void warnings.push(warning)
  process.on('warning', warned)
  onTestFinished(() => void process.off('warning', warned))
  const { engine } = await memoryKind().make()
  const sale = new FlashSale('s', { engine, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 100 } })
  const { signal } = new AbortController()
  const items = [{ sku: 'a', quantity: 1 }]
  const answers = Array.from({ length: 50 }, (_, i) => sale.reserve({ buyer: `u${i}`, items }, { signal }))
  expect(listeners(signal)).toBeLessThanOrEqual(1)
  for (const { status } of await Promise.all(answers)) expect(status).toBe('reserved')
  // Node warns in the next turn.
  await new Promise((resolve) => setImmediate(resolve))
  expect([warnings, listeners(signal)]).toEqual([[], 0])
})
