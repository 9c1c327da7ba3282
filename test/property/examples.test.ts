import { test } from 'vitest'
import type { SaleRules } from '../../src/index.js'
import { startedKinds } from '../support/engines.js'
import { play } from './check.js'
import { confirm, type Operation, release, reserve } from './operations.js'
import { Churn, Pass, PayTwice, Send, type Step, Together } from './steps.js'

const makers = startedKinds().map(({ make }) => make)

const rules: SaleRules = { stock: { a: 1, b: 1, c: 0 }, limitPerBuyer: 1, holdMs: 100, maxHoldMs: 100 }
const get: Operation = { do: 'get', id: '#0' }
const phone = [{ sku: 'a', quantity: 1 }]

/**
 * Counterexamples that random stories once found, as short as they became, and their neighbours.
 */
const stories: Record<string, readonly Step[]> = {
  'what has moved to the archive can be read': [
    new Churn('ann', 9),
    new Send({ handle: 0, operation: get }, 1),
    new Send({ handle: 1, operation: reserve({ buyer: 'ann', items: phone, key: 'churn 0' }) }, 1),
    new Send({ handle: 0, operation: confirm(0, { paymentId: 'p1' }) }, 2),
    new Send({ handle: 0, operation: get }, 1),
  ],
  'an expired hold comes back from the archive by a late payment': [
    new Send({ handle: 0, operation: reserve({ buyer: 'ann', items: phone, key: 'first' }) }, 1),
    new Pass(100),
    new Churn('ann', 12),
    new Send({ handle: 1, operation: confirm(0, { paymentId: 'p1' }) }, 2),
    new Send({ handle: 0, operation: reserve({ buyer: 'ann', items: phone, key: 'first' }) }, 2),
    new Send({ handle: 0, operation: { do: 'refund', id: '#0', restock: true } }, 2),
    new Churn('ann', 12),
    new Send({ handle: 0, operation: confirm(0) }, 1),
  ],
  'a release, a payment and an extension at once': [
    new Send({ handle: 0, operation: reserve({ buyer: 'ann', items: phone }) }, 1),
    new Together([
      { handle: 0, operation: release(0) },
      { handle: 1, operation: confirm(0) },
      { handle: 0, operation: { do: 'extend', id: '#0', holdMs: 100 } },
      { handle: 1, operation: reserve({ buyer: 'bob', items: phone }) },
    ]),
  ],
  'a buyer pays for an expired hold and for the one that took its place': [new PayTwice('ann', 1)],
}

for (const [name, steps] of Object.entries(stories)) {
  test(name, async () => {
    await play(makers, { rules, steps })
  })
}
