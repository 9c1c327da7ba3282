import { expect, test } from 'vitest'
import type { Cart } from '../../src/engine/engine.js'
import { idAt, openPort, type PortPartition } from '../support/port-sale.js'
import { onBothEngines } from '../support/shop.js'

const LINES = 1_000

/** A sale with a unit of each of so many SKUs. */
const stockOf = (skus: number) =>
  Object.fromEntries(Array.from({ length: skus }, (_, i) => [`seat ${String(i).padStart(5, '0')}`, 1]))

/** The largest cart there may be, of the SKUs from one on. */
const cartFrom = (first: number): Cart => Array.from({ length: LINES }, (_, i) => [first + i, 1])

const orders = (count: number, holdMs = 1_000) =>
  Array.from({ length: count }, (_, i) => ({
    id: idAt(0, `b${i}`),
    buyer: `u${i}`,
    cart: cartFrom(i * LINES),
    key: null,
    holdMs,
  }))

onBothEngines((_open, kind) => {
  const open = async (skus: number) => (await openPort(await kind.make(), { stock: stockOf(skus) }))[0]!

  /** Asks until every item is decided: a call is carried out up to a bound of its work. */
  const all = async (one: PortPartition, command: 'reserve' | 'confirm', ops: readonly object[]) => {
    let left = [...ops]
    while (left.length > 0) {
      const { answers } = await one.done(command, left as never)
      const again = left.filter((_, i) => answers[i]!.status === 'retry')
      expect(again.length).toBeLessThan(left.length)
      left = again
    }
  }

  test('events of carts of 1,000 lines that take the last units are read, by whoever asks', async () => {
    const one = await open(4 * LINES)
    await one.done('reserve', orders(4))
    expect(await one.events()).toHaveLength(4 * (1 + LINES))
    await one.advance(1_000)
    // What has lapsed is found by those events.
    expect((await one.stats()).skus.every(({ available }) => available === 1)).toBe(true)
    const late = orders(4).map(({ id }) => ({ id, buyer: null, paymentId: 'p', final: true }))
    await all(one, 'confirm', late)
    const events = await one.events()
    expect(events).toHaveLength(4 * (1 + LINES) + 4 + 4 * (1 + LINES))
    const { reservations } = await one.ask('events', { after: 0, reservations: true })
    expect(reservations[0]).toMatchObject({ id: idAt(0, 'b0'), state: 'confirmed', cart: cartFrom(0) })
  })
})
