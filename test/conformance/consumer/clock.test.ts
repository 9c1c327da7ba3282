import { expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../../src/index.js'
import { follow, mortal, Seen } from '../../support/consumers.js'
import { onClockedEngines } from '../../support/shop.js'

const HOUR = 3_600_000

/**
 * What a server's clock that was an hour ahead and is put right means to those who wait for a time.
 */
onClockedEngines((open) => {
  test('a consumer that has died is taken over, at half the pace', async () => {
    const shop = await open({ holdMs: 10_000, maxHoldMs: 10_000 })
    await shop.advance(HOUR)
    const life = mortal(shop.clock.engine)
    const first = new FlashSale(shop.id, { engine: life.engine, deadlineMs: 300 })
    onTestFinished(() => first.close())
    const [before, after] = [new Seen(), new Seen()]
    follow(first, { leaseMs: 1_000, onError: () => {} }, before.note)
    await shop.hold('u')
    await shop.live(() => before.events.length === 1)
    life.die()
    await shop.advance(-HOUR)
    await shop.hold('v')
    follow(shop.handle(), { leaseMs: 1_000 }, after.note)
    expect(
      await shop.live(() => after.events.some(({ reservation }) => reservation?.buyer === 'v')),
    ).toBeLessThan(4_000)
  })

  test('a hold that no call asks for expires, at half the pace', async () => {
    const shop = await open()
    await shop.advance(HOUR)
    const seen = new Seen()
    follow(shop.sale, { leaseMs: 1_000 }, seen.note)
    await shop.hold('u')
    await shop.live(() => seen.events.length === 1)
    await shop.advance(-HOUR)
    await shop.sale.stats()
    expect(await shop.live(() => seen.events.some(({ type }) => type === 'expired'))).toBeLessThan(4_000)
  })
})
