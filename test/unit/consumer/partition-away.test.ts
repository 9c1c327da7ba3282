import { expect, onTestFinished, test } from 'vitest'
import type { Engine } from '../../../src/engine/engine.js'
import type { Port } from '../../../src/engine/port.js'
import { FlashSale, StockholdError } from '../../../src/index.js'
import { virtualEngine } from '../../../src/testing/virtual-engine.js'
import { Seen } from '../../support/consumers.js'

const AWAY = 1

/** The engine while everything of one partition of the sale is away. */
function engineWithout(inner: Engine, how: 'refused' | 'silent', isAway: () => boolean): Engine {
  const part = <P extends Port<never>>(port: P, index: number): P =>
    ({
      ready: () => port.ready(),
      run: async (command: never, ops: never, call: never) => {
        if (index !== AWAY || !isAway()) return port.run(command, ops, call)
        if (how === 'silent') return new Promise(() => {})
        throw new StockholdError('UNAVAILABLE', 'away')
      },
    }) as unknown as P
  return {
    ...inner,
    partition: (sale, index, count) => part(inner.partition(sale, index, count) as never, index),
    groups: (sale, index, count) => part(inner.groups(sale, index, count) as never, index),
  }
}

test.each(['refused', 'silent'] as const)(
  'a partition that is away (%s) keeps a new consumer from none of the others, and is followed once it is back',
  async (how) => {
    const virtual = virtualEngine()
    let away = false
    const engine = engineWithout(virtual.engine, how, () => away)
    const sale = new FlashSale('launch', { engine })
    onTestFinished(async () => {
      await Promise.all([sale.close(), virtual.advance(10_000)])
    })
    await Promise.all([sale.create({ stock: { a: 300 }, partitions: 4 }), virtual.advance(1_000)])
    const items = [{ sku: 'a', quantity: 1 }]
    const orders = Array.from({ length: 200 }, (_, i) => sale.reserve({ buyer: `u${i}`, items }))
    await Promise.all([...orders, virtual.advance(1_000)])

    away = true
    const seen = new Seen()
    const errors: string[] = []
    const onError = (error: unknown) => void errors.push((error as StockholdError).code)
    const consumer = sale.consume({ group: 'g', onError }, seen.note)
    onTestFinished(async () => {
      await Promise.all([consumer.close({ timeoutMs: 0 }), virtual.advance(10_000)])
    })
    await virtual.advance(30_000)
    const followed = () => [...new Set(seen.events.map(({ partition }) => partition))].sort()
    expect(followed()).toEqual([0, 2, 3])
    expect(new Set(errors)).toEqual(new Set([how === 'refused' ? 'UNAVAILABLE' : 'UNKNOWN_OUTCOME']))

    away = false
    await virtual.advance(30_000)
    expect(followed()).toEqual([0, 1, 2, 3])
    expect(seen.events.filter(({ type }) => type === 'reserved')).toHaveLength(200)
    await Promise.all([consumer.close(), virtual.advance(10_000)])
  },
)
