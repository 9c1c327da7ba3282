import { expect, test } from 'vitest'
import { FlashSale, memoryEngine } from '../../../src/index.js'

test('callers that never stop asking leave the event loop its turns', async () => {
  const sale = new FlashSale('launch', { engine: memoryEngine(), deadlineMs: 60_000 })
  await sale.create({ stock: { a: 1 } })
  let fired = false
  setTimeout(() => {
    fired = true
  }, 1)
  // Bounded, so that an engine that starves the timer fails here instead of hanging.
  for (let asked = 0; asked < 200_000 && !fired; asked++) {
    await sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 1 }], key: 'k' })
  }
  expect(fired).toBe(true)
})

test('holds that expire at the same moment are given back in the order in which they were made', async () => {
  let now = 1_000
  const engine = memoryEngine({ now: () => now })
  const partition = engine.partition('launch', 0, 1)
  const rules = { holdMs: 100, maxHoldMs: 100, opensAt: null, closesAt: null, partitions: 1 }
  const skus = [{ sku: 'a', stock: 50, limit: null }]
  const call = { incarnation: 't', deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
  await partition.run('create', [{ rules: { ...rules, skus }, incarnation: 't', complete: true }], {
    ...call,
    incarnation: null,
  })
  const ids = Array.from({ length: 50 }, (_, i) => `1AA${String(i).padStart(16, 'A')}`)
  const holds = ids.map((id) => ({ id, buyer: 'u', cart: [[0, 1]] as const, key: null, holdMs: 100 }))
  await partition.run('reserve', holds, call)
  now += 100
  const reply = await partition.run('stats', [{}], call)
  expect(reply).toMatchObject({ answers: [{ skus: [{ available: 50, held: 0 }] }] })
  const events = await partition.run('events', [{ after: 51, reservations: false }], call)
  const expired = ids.map((id) => ({ type: 'expired', id }))
  expect(events).toMatchObject({ answers: [{ events: expired }] })
})
