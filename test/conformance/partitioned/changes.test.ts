import { expect, test } from 'vitest'
import type { Engine } from '../../../src/engine/engine.js'
import { type Change, changes, changing } from '../../support/changes.js'
import { type Fate, faultyEngine, mortalEngine } from '../../support/faulty-engine.js'
import { type OpenPartitioned, onBothPartitioned } from '../../support/partitioned.js'

type Fault = 'dies' | 'reply lost' | 'refused'

/** The change meets the fault at its step of that number. Returns whether it has that step. */
async function meets(open: OpenPartitioned, { rules, begin }: Change, fault: Fault, at: number) {
  const shop = await open({ ...changing, ...rules })
  const { call, isDone } = await begin(shop.sale)
  let steps = 0
  const isLast = () => steps++ === at
  const run = (engine: Engine) => call(shop.handle(engine)).catch(() => undefined)
  if (fault === 'dies') {
    const { engine, died } = mortalEngine(shop.clock.engine, isLast)
    // The calls of a process that is dead are never answered.
    await Promise.race([run(engine), died])
  } else {
    const fate = (): Fate => (isLast() ? fault : 'answered')
    await run(faultyEngine(shop.clock.engine, fate))
  }
  await call(shop.handle())
  await isDone(shop.handle())
  await shop.audited()
  return steps > at
}

onBothPartitioned((open) => {
  for (const [name, change] of Object.entries(changes)) {
    test.each(['dies', 'reply lost', 'refused'] as const)(
      `${name} is made once, if the process or its connection fails at any step: %s`,
      async (fault) => {
        let step = 0
        while (await meets(open, change, fault, step)) step++
        // What the handle learns of the sale, and the call itself.
        expect(step).toBeGreaterThan(1)
      },
    )

    test(`${name} is made once, if it is repeated at once and later by other processes`, async () => {
      const shop = await open({ ...changing, ...change.rules })
      const { call, isDone } = await change.begin(shop.sale)
      await Promise.all([shop.sale, shop.handle(), shop.handle()].map(call))
      await call(shop.handle())
      await isDone(shop.sale)
      await shop.audited()
    })
  }
})
