import { expect, onTestFinished, test } from 'vitest'
import {
  type ConsumeOptions,
  type ConsumerWarning,
  type EventHandler,
  FlashSale,
  type HandlerContext,
  type SaleEvent,
  StockholdError,
} from '../../../src/index.js'
import { virtualEngine } from '../../../src/testing/virtual-engine.js'
import { follow, mortal, Seen } from '../../support/consumers.js'

const MINUTES_5 = 300_000

async function opened() {
  const virtual = virtualEngine()
  const life = mortal(virtual.engine)
  const sale = new FlashSale('launch', { engine: life.engine })
  onTestFinished(() => sale.close())
  await Promise.all([sale.create({ stock: { a: 1_000 } }), virtual.advance(0)])
  const buy = async (...buyers: string[]) => {
    const items = [{ sku: 'a', quantity: 1 }]
    await Promise.all([...buyers.map((buyer) => sale.reserve({ buyer, items })), virtual.advance(100)])
  }
  return { virtual, life, sale, buy }
}

const never = () => new Promise<never>(() => {})
/** What a callback of a user's may do wrong. */
const faults = {
  throws: () => {
    throw new Error('the callback throws')
  },
  rejects: () => Promise.reject(new Error('the callback rejects')),
  'never settles': never,
  'throws what a handle that was closed throws': () => {
    throw new StockholdError('CLOSED', 'another handle was closed')
  },
  'answers a hostile thenable': () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the fault
    get then() {
      throw new Error('the callback has a getter')
    },
  }),
  'answers a thenable that throws': () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the fault
    then() {
      throw new Error('the callback has a thenable')
    },
  }),
}

test('as many handlers that never end as there are workers do not stop the group', async () => {
  const { virtual, sale, buy } = await opened()
  const stuck = Array.from({ length: 16 }, (_, i) => `stuck-${i}`)
  await buy(...stuck, ...Array.from({ length: 20 }, (_, i) => `u-${i}`))
  const seen = new Seen()
  const warnings: ConsumerWarning[] = []
  const contexts: HandlerContext[] = []
  const handler: EventHandler = (event, context) => {
    if (!event.reservation?.buyer.startsWith('stuck') || event.type !== 'reserved') return seen.note(event)
    contexts.push(context)
    expect(context.signal.aborted).toBe(false)
    return context.attempt > 2 ? seen.note(event) : never()
  }
  const onWarning = (warning: ConsumerWarning) => void warnings.push(warning)
  follow(sale, { concurrency: 16, onWarning }, handler)
  await virtual.advance(1_000)
  expect(contexts).toHaveLength(16)
  expect(seen.events).toHaveLength(0)

  await virtual.advance(MINUTES_5 - 1_001)
  expect(warnings).toEqual([])
  await virtual.advance(1_000)
  expect(warnings).toHaveLength(16)
  expect(warnings[0]).toEqual({
    type: 'handler_timeout',
    partition: 0,
    event: '0-1-1',
    attempt: 1,
    handlerTimeoutMs: MINUTES_5,
  })
  expect(contexts.slice(0, 16).every(({ signal }) => signal.aborted)).toBe(true)
  expect(contexts[0]!.signal.reason).toMatchObject({
    message: 'The handler did not settle within 300000 ms (handlerTimeoutMs)',
  })
  expect(seen.events).toHaveLength(20)

  await virtual.advance(3 * MINUTES_5)
  expect(seen.events.filter(({ type }) => type === 'reserved')).toHaveLength(36)
  expect(warnings).toHaveLength(32)
})

test('a handler that ends just in time has succeeded, one that ends later has failed', async () => {
  const { virtual, sale, buy } = await opened()
  const takes = (ms: number) =>
    new Promise<void>((resolve) => void virtual.engine.clock!.after(ms, () => resolve()))
  const failed: string[] = []
  const options = {
    handlerTimeoutMs: 1_000,
    maxAttempts: 1,
    onDeadLetter: (event: { reservation?: { buyer: string } }) => void failed.push(event.reservation!.buyer),
  } as Partial<ConsumeOptions>
  follow(sale, options, ({ reservation }) => takes(Number(reservation!.buyer)))
  await buy('999', '1001', '5000')
  await virtual.advance(10_000)
  expect(failed).toEqual(['1001', '5000'])
})

test('the signal of a handler that asks for it late is aborted', async () => {
  const { virtual, sale, buy } = await opened()
  const contexts: HandlerContext[] = []
  follow(sale, { handlerTimeoutMs: 50 }, (_, context) => {
    contexts.push(context)
    return contexts.length === 1 ? never() : undefined
  })
  await buy('u')
  await virtual.advance(1_000)
  expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true, false])
})

test('a handler that is given up and fails afterwards ends no process', async () => {
  const { virtual, sale, buy } = await opened()
  let fail = (_: Error) => {}
  const seen = new Seen()
  follow(sale, { handlerTimeoutMs: 50 }, (event, { attempt }) => {
    if (attempt > 1) return seen.note(event)
    return new Promise<void>((_, reject) => {
      fail = reject
    })
  })
  await buy('u')
  await virtual.advance(1_000)
  fail(new Error('too late'))
  await virtual.advance(1_000)
  expect(seen.events).toHaveLength(1)
})

test.each(Object.entries(faults))(
  'a handler that %s is tried again, and given up in the end',
  async (_, fault) => {
    const { virtual, sale, buy } = await opened()
    const dead: string[] = []
    const onDeadLetter: NonNullable<ConsumeOptions['onDeadLetter']> = ({ reservation }) =>
      void dead.push(reservation!.buyer)
    const seen = new Seen()
    let timeouts = 0
    const onWarning = ({ type }: ConsumerWarning) => {
      if (type === 'handler_timeout') timeouts++
    }
    const options = { maxAttempts: 3, handlerTimeoutMs: 1_000, onDeadLetter, onWarning }
    const note = async (event: SaleEvent) => seen.note(event)
    follow(sale, options, (event) => (event.reservation!.buyer === 'bad' ? fault() : note(event)))
    await buy('bad', 'good')
    await virtual.advance(60_000)
    expect(dead).toEqual(['bad'])
    expect(seen.events).toHaveLength(1)
    expect(timeouts).toBe(fault === faults['never settles'] ? 3 : 0)
  },
)

test.each(Object.entries(faults))('an onDeadLetter that %s holds up nothing', async (_, fault) => {
  const { virtual, sale, buy } = await opened()
  const seen = new Seen()
  const errors: unknown[] = []
  const options = {
    concurrency: 1,
    maxAttempts: 1,
    handlerTimeoutMs: 1_000,
    onDeadLetter: fault,
    onError: (error: unknown) => void errors.push(error),
  }
  const consumer = follow(sale, options, (event) => {
    if (event.reservation!.buyer === 'bad') throw new Error('bad')
    seen.note(event)
  })
  await buy('bad', 'good')
  await virtual.advance(10_000)
  expect(seen.events).toHaveLength(1)
  expect(errors).toHaveLength(1)
  const [stats] = await Promise.all([consumer.stats(), virtual.advance(100)])
  expect(stats).toMatchObject({ dead: 1, lag: 0 })
})

test.each(Object.entries(faults))('an onError and an onWarning that %s hold up nothing', async (_, fault) => {
  const { virtual, life, sale, buy } = await opened()
  const seen = new Seen()
  let told = 0
  const callback = () => {
    told++
    return fault()
  }
  const options = { onError: callback, onWarning: callback, handlerTimeoutMs: 50 }
  follow(sale, options, (event, { attempt }) => (attempt === 1 ? never() : seen.note(event)))
  await buy('u')
  await virtual.advance(1_500)
  life.die()
  await virtual.advance(5_000)
  life.revive()
  await virtual.advance(10_000)
  await buy('v')
  await virtual.advance(10_000)
  expect(seen.events.map(({ reservation }) => reservation!.buyer)).toEqual(['u', 'v'])
  expect(told).toBeGreaterThan(2)
})

test('a consumer that was closed while a handler hangs leaves no timer', async () => {
  const { virtual, sale, buy } = await opened()
  const open = new Set<symbol>()
  const timing = virtual.engine.clock!
  const engine = {
    ...virtual.engine,
    clock: {
      ...timing,
      after(ms: number, callback: () => void) {
        const key = Symbol()
        open.add(key)
        const timer = timing.after(ms, () => {
          open.delete(key)
          callback()
        })
        return {
          ...timer,
          cancel: () => {
            open.delete(key)
            timer.cancel()
          },
        }
      },
    },
  }
  const other = new FlashSale('launch', { engine })
  const consumer = other.consume({ group: 'g' }, never)
  await buy('u')
  await virtual.advance(1_000)
  await Promise.all([consumer.close({ timeoutMs: 0 }), virtual.advance(1_000)])
  await Promise.all([other.close(), virtual.advance(10_000)])
  expect(open.size).toBe(0)
  await sale.close()
})
