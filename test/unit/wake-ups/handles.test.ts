import { describe, expect, onTestFinished, test } from 'vitest'
import { type Engine, FlashSale, memoryEngine, type PollResult, WaitingRoom } from '../../../src/index.js'
import { sourceOf } from '../../../src/sale/flash-sale.js'
import { listeners, settled, TestClock } from '../../support/test-clock.js'
import { SECRET } from '../../support/waiting-room.js'
import { withPartitions, wrapped } from '../../support/wrapped-engine.js'

const EPOCH = 1_767_225_600_000

function stage() {
  const clock = new TestClock()
  const memory = memoryEngine({ now: () => EPOCH + clock.now() })
  const engine = wrapped(clock.drive(memory), { elapsed: () => clock.now() })
  /** What a call comes to while time passes. */
  const within = async <T>(call: Promise<T>, ms = 3_000): Promise<T | Error> => {
    const ended = call.catch((error: Error) => error)
    for (let passed = 0; passed < ms; passed += 100) await clock.advance(100)
    return ended
  }
  return { clock, engine, within }
}

/** The engine, whose partitions never answer. */
function silent(engine: Engine): Engine {
  return withPartitions(engine, () => ({ run: () => new Promise(() => {}) }))
}

const order = (buyer: string, quantity = 1) => ({ buyer, items: [{ sku: 'a', quantity }] })

describe.each([1, 4])('a sale of %i partitions', (partitions) => {
  async function opened() {
    const world = stage()
    const sale = new FlashSale('launch', { engine: world.engine })
    await sale.create({ stock: { a: 40 }, partitions })
    await world.clock.advance(5_000)
    return { ...world, sale }
  }

  test('leaves no listener on the signal and no timer that keeps the process alive, whatever is called', async () => {
    const { clock, sale, within } = await opened()
    const { signal } = new AbortController()
    const made = await sale.reserve(order('ann'), { signal })
    const id = made.status === 'reserved' ? made.reservation.id : ''
    const calls = {
      reserve: () => sale.reserve(order('ben'), { signal }),
      'reserve more than a partition has': () => sale.reserve(order('cid', 20), { signal }),
      'reserve more than there is': () => sale.reserve(order('dan', 40), { signal }),
      get: () => sale.get(id, { signal }),
      extend: () => sale.extend(id, { holdMs: 60_000, signal }),
      confirm: () => sale.confirm(id, { signal }),
      refund: () => sale.refund(id, { restock: true, signal }),
      release: () => sale.release(id, { signal }),
      restock: () => sale.restock({ sku: 'a', quantity: 1, key: 'k' }, { signal }),
      audit: () => sale.audit({ signal }),
      stats: () => sale.stats({ signal }),
      pause: () => sale.pause({ signal }),
      resume: () => sale.resume({ signal }),
      end: () => sale.end({ signal }),
    }
    for (const [name, call] of Object.entries(calls)) {
      const result = await within<unknown>(call())
      expect([name, result instanceof Error, listeners(signal)]).toEqual([name, false, 0])
      expect([name, clock.keptAliveBy]).toEqual([name, 0])
    }
  })

  test('leaves no listener behind a call that fails, is aborted, or is never answered', async () => {
    const { clock, engine, within } = await opened()
    for (const away of [silent(engine), { ...silent(engine), partition: engine.partition }]) {
      const sale = new FlashSale('no such sale', { engine: away })
      const { signal } = new AbortController()
      const abort = new AbortController()
      const calls = [
        ...[
          sale.reserve(order('ann'), { signal }),
          sale.stats({ signal }),
          sale.confirm('1AAAAAAAAAAAAAAAAAA', { signal }),
        ],
        ...[sale.reserve(order('ann'), { signal: abort.signal }), sale.stats({ signal: abort.signal })],
      ]
      abort.abort(new Error('no longer'))
      const ended = await within(Promise.allSettled(calls))
      expect((ended as PromiseSettledResult<unknown>[]).map(({ status }) => status)).toEqual(
        calls.map(() => 'rejected'),
      )
      expect([listeners(signal), listeners(abort.signal), clock.keptAliveBy]).toEqual([0, 0, 0])
      await sale.close()
    }
  })

  test('expired holds are given back without another call, and a closed handle leaves no timer', async () => {
    const { clock, engine, sale, within } = await opened()
    await within(sale.reserve({ ...order('ann'), holdMs: 30_000 }))
    await clock.advance(40_000)
    const other = new FlashSale('launch', { engine })
    const reader = sourceOf(other)
    const types: string[] = []
    for (let partition = 0; partition < partitions; partition++) {
      const page = (await within(reader.read(partition, 0))) as Awaited<ReturnType<typeof reader.read>>
      types.push(...page.events.map(({ type }) => type))
    }
    expect(types).toEqual(['reserved', 'expired'])
    await sale.reserve({ ...order('ben'), holdMs: 30_000 })
    await sale.close()
    await other.close()
    // Those of calls that were made, up to their deadline.
    expect(clock.keptAliveBy).toBe(0)
    await clock.advance(10_000)
    expect(clock.timers).toBe(0)
  })

  test('a call that was under way when its handle was closed ends, and then no timer is left', async () => {
    const { clock, engine, sale } = await opened()
    const other = new FlashSale('launch', { engine: silent(engine) })
    const lost = other.reserve(order('ben')).catch((error) => error.code)
    await settled()
    await sale.close()
    await other.close()
    await clock.advance(10_000)
    expect(await lost).toBe('UNKNOWN_OUTCOME')
    expect(clock.timers).toBe(0)
  })

  test('a consumer goes on without a poll, and leaves neither timer nor listener when it is closed', async () => {
    const { clock, engine, sale, within } = await opened()
    const watched = watchSource(sale, partitions)
    const seen: string[] = []
    const hour = 3_600_000
    const options = { group: 'g', pollMs: hour, leaseMs: hour }
    const consumer = sale.consume(options, ({ type }) => void seen.push(type))
    await clock.advance(20_000)
    for (const buyer of ['ann', 'ben', 'cid']) await within(sale.reserve(order(buyer)), 500)
    await clock.advance(1_000)
    expect(seen).toEqual(['reserved', 'reserved', 'reserved'])
    expect(watched.listening()).toBe(partitions)
    await within(consumer.close())
    expect(watched.listening()).toBe(0)
    await within(sale.reserve(order('dan')))
    expect(seen).toHaveLength(3)
    // Another of the group has the partitions at once: the leases were given up.
    const next = new FlashSale('launch', { engine })
    const successor = next.consume(options, ({ type }) => void seen.push(type))
    await clock.advance(5_000)
    expect(seen).toEqual(['reserved', 'reserved', 'reserved', 'reserved'])
    await within(successor.close())
    await Promise.all([sale.close(), next.close()])
    await clock.advance(5_000)
    expect(clock.timers).toBe(0)
  })

  test('a consumer of a sale that does not exist yet begins when there is one, and can be closed before', async () => {
    const { clock, engine } = stage()
    const later = new FlashSale('later', { engine })
    const errors: string[] = []
    const seen: string[] = []
    const onError = (error: unknown) => void errors.push((error as { code: string }).code)
    const early = later.consume({ group: 'early', onError }, () => {})
    const patient = later.consume({ group: 'patient', onError }, ({ type }) => void seen.push(type))
    await clock.advance(1_000)
    expect(new Set(errors)).toEqual(new Set(['NOT_FOUND']))
    await early.close()
    await later.create({ stock: { a: 40 }, partitions })
    await clock.advance(10_000)
    const reserved = later.reserve(order('ann'))
    await clock.advance(1_000)
    expect(await reserved).toMatchObject({ status: 'reserved' })
    expect(seen).toEqual(['reserved'])
    const closing = patient.close()
    await clock.advance(1_000)
    await closing
    await later.close()
    await clock.advance(5_000)
    expect(clock.timers).toBe(0)
  })
})

/** Counts those who listen to the partitions of a sale. */
function watchSource(sale: FlashSale, partitions: number) {
  const source = sourceOf(sale)
  const { onChange } = source
  let open = 0
  Object.assign(source, {
    onChange: (partition: number, listener: () => void) => {
      const stop = onChange(partition, listener)
      open++
      return () => {
        open--
        stop()
      }
    },
  })
  onTestFinished(() => void Object.assign(source, { onChange }))
  return { listening: () => open, partitions }
}

describe('a waiting room', () => {
  async function opened() {
    const world = stage()
    const room = new WaitingRoom('door', { engine: world.engine, secret: SECRET, ratePerSecond: 1, burst: 1 })
    await world.within(room.create())
    return { ...world, room }
  }

  test('leaves no timer that keeps the process alive behind a call, and none at all when it was closed', async () => {
    const { clock, room, within } = await opened()
    const joined = (await within(room.join('ann'))) as { ticket: string }
    expect(clock.keptAliveBy).toBe(0)
    for (const call of [
      ...[() => room.poll(joined.ticket), () => room.stats(), () => room.pause(), () => room.resume()],
      ...[() => room.leave(joined.ticket), () => room.revoke('ann')],
    ]) {
      expect(await within<unknown>(call())).not.toBeInstanceOf(Error)
      expect(clock.keptAliveBy).toBe(0)
    }
    await room.close()
    await clock.advance(10_000)
    expect(clock.timers).toBe(0)
  })

  test('admits a visitor who only listens, and leaves neither timer nor listener behind', async () => {
    const { clock, room, within } = await opened()
    const tickets: string[] = []
    for (const buyer of ['ann', 'ben', 'cid'])
      tickets.push(((await within(room.join(buyer), 100)) as { ticket: string }).ticket)
    const { signal } = new AbortController()
    const told: PollResult['status'][] = []
    const listening = (async () => {
      for await (const update of room.updates(tickets[2]!, { signal })) told.push(update.status)
    })()
    for (const ticket of [tickets[0]!, tickets[1]!]) {
      for (let i = 0; i < 4; i++) await within(room.poll(ticket), 500)
    }
    await within(listening, 10_000)
    expect([told.at(-1), listeners(signal)]).toEqual(['admitted', 0])
    await room.close()
    await clock.advance(10_000)
    expect(clock.timers).toBe(0)
  })

  test('ends the wait of its visitors when it is closed', async () => {
    const { clock, room, within } = await opened()
    const tickets: string[] = []
    for (const buyer of ['ann', 'ben'])
      tickets.push(((await within(room.join(buyer), 100)) as { ticket: string }).ticket)
    const { signal } = new AbortController()
    const updates = room.updates(tickets[1]!, { signal })
    await within(updates.next(), 200)
    const next = updates.next()
    await settled()
    await room.close()
    expect(await within(next, 2_000)).toEqual({ done: true, value: undefined })
    expect(listeners(signal)).toBe(0)
    await clock.advance(10_000)
    expect(clock.timers).toBe(0)
  })
})
