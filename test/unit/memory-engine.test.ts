import { expect, test } from 'vitest'
import { FlashSale, memoryEngine } from '../../src/index.js'

test('callers that never stop asking leave the event loop its turns', async () => {
  const sale = new FlashSale('launch', { engine: memoryEngine() })
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
