import { expect, onTestFinished, test } from 'vitest'
import type { Engine } from '../../../src/engine/engine.js'
import { FlashSale, memoryEngine } from '../../../src/index.js'
import { TestClock } from '../../support/test-clock.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const never = new Promise<never>(() => {})

/** An engine that says nothing any more from some moment on. */
function silenced(engine: Engine): { engine: Engine; silence(): void } {
  let silent = false
  return {
    silence: () => {
      silent = true
    },
    engine: withPartitions(engine, (port) => ({
      run: (...call) => (silent ? never : port.run(...call)),
    })),
  }
}

const items = [{ sku: 'a', quantity: 1 }]
const calls: Record<string, (sale: FlashSale, id: string, signal: AbortSignal) => Promise<unknown>> = {
  create: (sale, _, signal) => sale.create({ stock: { a: 5 } }, { signal }),
  reserve: (sale, _, signal) => sale.reserve({ buyer: 'bob', items }, { signal }),
  confirm: (sale, id, signal) => sale.confirm(id, { signal }),
  release: (sale, id, signal) => sale.release(id, { signal }),
  extend: (sale, id, signal) => sale.extend(id, { holdMs: 1_000, signal }),
  refund: (sale, id, signal) => sale.refund(id, { restock: true, signal }),
  get: (sale, id, signal) => sale.get(id, { signal }),
  restock: (sale, _, signal) => sale.restock({ sku: 'a', quantity: 1, key: 'k' }, { signal }),
  pause: (sale, _, signal) => sale.pause({ signal }),
  end: (sale, _, signal) => sale.end({ signal }),
  stats: (sale, _, signal) => sale.stats({ signal }),
  audit: (sale, _, signal) => sale.audit({ signal }),
}

// If the signal were ignored, the call would wait for its deadline, which is an hour.
test.each(
  Object.keys(calls).flatMap((name) =>
    [1, 4].flatMap((partitions) => [true, false].map((known) => ({ name, partitions, known }))),
  ),
)(
  'an aborted $name ends at once: $partitions partitions, sale known: $known',
  async ({ name, partitions, known }) => {
    const clock = new TestClock()
    const { engine, silence } = silenced(clock.drive(memoryEngine()))
    const open = () => {
      const sale = new FlashSale('launch', { engine, deadlineMs: 3_600_000 })
      onTestFinished(() => sale.close())
      return sale
    }
    const first = open()
    await clock.during(first.create({ stock: { a: 5 }, partitions }))
    const held = await clock.during(first.reserve({ buyer: 'ann', items }))
    if (held.status !== 'reserved') return expect.fail(held.status)
    silence()
    const reason = new Error('gone')
    const abort = new AbortController()
    const outcome = calls[name]!(known ? first : open(), held.reservation.id, abort.signal).then(
      () => 'answered',
      (error) => error,
    )
    await clock.advance(20)
    abort.abort(reason)
    const error = await outcome
    // A call that asks several partitions tells the failure of one as its cause.
    expect([error, error.cause, error.cause?.cause]).toContain(reason)
    expect(error === reason || error.code === 'UNKNOWN_OUTCOME').toBe(true)
  },
)
