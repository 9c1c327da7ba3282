import { expect, onTestFinished, test } from 'vitest'
import { joined } from '../../scripts/lib/joined.js'
import type { Engine } from '../../src/engine/engine.js'
import { LAYOUT } from '../../src/engine/layout.js'
import { FlashSale, type StockholdError, WaitingRoom } from '../../src/index.js'
import { START } from '../support/engines.js'
import { callsOf } from '../support/every-method.js'
import { type Part, storeIn } from '../support/layouts.js'
import { onBothEngines } from '../support/shop.js'
import { clocked } from '../support/test-clock.js'
import { SECRET } from '../support/waiting-room.js'
import { withPorts, wrapped } from '../support/wrapped-engine.js'

const HOUR = 3_600_000

/**
 * The engine, and how many batches it was handed for sales, groups and rooms. Its index is read now
 * and then in any case, see `retainMs`.
 */
function counted(engine: Engine): { engine: Engine; runs: number } {
  const counting = { engine, runs: 0 }
  const all = withPorts(engine, (port) => ({
    ready: () => port.ready(),
    run(command, ops, call) {
      counting.runs++
      return port.run(command, ops, call)
    },
  }))
  counting.engine = wrapped(all, { lifecycle: engine.lifecycle })
  return counting
}

/** The layout of a later version. */
const NEXT = LAYOUT + 1

/** What a handle tells that meets data of another version. */
const incompatible = (subject: string, layout: number) =>
  expect.objectContaining({
    name: 'StockholdError',
    code: 'INCOMPATIBLE_VERSION',
    retryable: false,
    message: expect.stringMatching(
      new RegExp(
        `^(Partition 1[^:]*: )?${subject} stored in layout ${layout}; this version of stockhold reads layout ${LAYOUT}\\. Nothing was executed\\. `,
      ),
    ),
  })

onBothEngines((_, kind) => {
  async function open(partitions = 1) {
    const timed = await kind.make()
    const { clock, engine } = clocked(timed)
    const calls = counted(engine)
    const handle = () => {
      const sale = new FlashSale('spring', { engine: calls.engine, deadlineMs: 20_000 })
      onTestFinished(() => sale.close())
      return sale
    }
    const sale = handle()
    const create = () => sale.create({ stock: { a: 10 }, partitions, holdMs: 1_000 })
    await clock.during(create())
    return {
      ...{ sale, handle, clock, calls, create },
      store: (layout: number, part: Part, partition?: number) =>
        storeIn(layout, part, kind, timed, partition),
      /**
       * How many batches an hour brings, of which a look that fails and is tried again would be
       * most.
       */
      async anHour(): Promise<number> {
        const before = calls.runs
        await clock.advance(HOUR)
        return calls.runs - before
      },
    }
  }

  test.each([0, NEXT])('every method of a sale in layout %i tells both numbers', async (layout) => {
    const { sale, handle, create, clock, store } = await open()
    const buy = (of: FlashSale) => of.reserve({ buyer: 'ann', items: [{ sku: 'a', quantity: 1 }], key: 'k' })
    const bought = await clock.during(buy(sale))
    if (bought.status !== 'reserved') expect.fail(bought.status)
    await store(layout, 'sale')
    const { id } = bought.reservation
    const other = handle()
    const calls: (() => Promise<unknown>)[] = [
      ...[() => buy(sale), () => buy(other), () => other.confirm(id), () => other.get(id)],
      create,
      () => other.create({ stock: { a: 10 } }),
      ...callsOf(sale, id),
      () => sale.recover({ from: 'replay' }),
      () => sale.recover({ from: 'accept' }),
    ]
    for (const call of calls)
      await expect(clock.during(call()), String(call)).rejects.toEqual(
        incompatible('The sale "spring" is', layout),
      )
  })

  test('a handle that met another version goes on once the layout is its own', async () => {
    const { sale, clock, store } = await open()
    await store(NEXT, 'sale')
    await expect(clock.during(sale.stats())).rejects.toEqual(incompatible('The sale "spring" is', NEXT))
    await store(LAYOUT, 'sale')
    expect(await clock.during(sale.stats())).toMatchObject({ state: 'open' })
  })

  test('of many partitions, the one is named: by calls, by the audit, and by a reserve that needs its units', async () => {
    const { sale, clock, store } = await open(2)
    await store(NEXT, 'sale', 1)
    const named = incompatible('Partition 1 of the sale "spring" is', NEXT)
    await expect(clock.during(sale.stats())).rejects.toEqual(named)
    await expect(clock.during(sale.audit())).rejects.toEqual(named)
    const answers = []
    for (let i = 0; i < 12; i++) {
      const asked = sale.reserve({ buyer: `u${i}`, items: [{ sku: 'a', quantity: 2 }] })
      answers.push(await clock.during(asked.catch((error: StockholdError) => error)))
    }
    const failed = answers.filter((answer) => 'code' in answer)
    expect(failed.length).toBeGreaterThan(0)
    for (const { code, message, retryable } of failed) {
      expect([code, retryable]).toEqual(['INCOMPATIBLE_VERSION', false])
      expect(message).toContain(`stored in layout ${NEXT}; this version of stockhold reads layout ${LAYOUT}`)
    }
  })

  test('the sweeper of a handle ends: an hour brings no more than what it had planned', async () => {
    const { sale, clock, store, anHour } = await open()
    await clock.during(sale.reserve({ buyer: 'ann', items: [{ sku: 'a', quantity: 1 }] }))
    await store(NEXT, 'sale')
    expect(await anHour()).toBe(1)
    expect(await anHour()).toBe(0)
  })

  test.each<[Part, string]>([
    ['sale', 'The sale "spring" is'],
    ['groups', 'The consumer groups of the sale "spring" are'],
  ])('a consumer reports a %s of another version once, and ends', async (part, subject) => {
    const { sale, clock, store, anHour } = await open()
    const errors: unknown[] = []
    const consumer = sale.consume({ group: 'g', onError: (error) => errors.push(error) }, () => {})
    let ended: unknown
    consumer.closed.catch((error) => {
      ended = error
    })
    await clock.until(async () => (await consumer.stats()).leads === 1)
    await store(NEXT, part)
    await clock.until(() => ended !== undefined)
    expect(errors).toEqual([incompatible(subject, NEXT)])
    expect(ended).toBe(errors[0])
    expect(await anHour()).toBeLessThanOrEqual(1)
    await clock.during(consumer.close())
    await expect(clock.during(consumer.stats())).rejects.toEqual(incompatible(subject, NEXT))
  })

  test('a consumer of several partitions ends as soon as one is of another version', async () => {
    const { sale, clock, store } = await open(3)
    const errors: unknown[] = []
    const consumer = sale.consume({ group: 'g', onError: (error) => errors.push(error) }, () => {})
    await store(NEXT, 'sale', 1)
    await expect(clock.during(consumer.closed)).rejects.toEqual(
      incompatible('Partition 1 of the sale "spring" is', NEXT),
    )
    expect(errors.length).toBeGreaterThan(0)
  })

  test('a room of another version: every method tells both numbers, updates end, and nothing looks at it any more', async () => {
    const { calls, clock, store, anHour } = await open()
    const handle = () => {
      const other = new WaitingRoom('door', { engine: calls.engine, secret: SECRET, ratePerSecond: 1 })
      onTestFinished(() => other.close())
      return other
    }
    const room = handle()
    await clock.during(room.create({ opensAt: START + HOUR }))
    const { ticket } = await clock.during(joined(room.join('ann')))
    const updates = room.updates(ticket)
    await clock.during(updates.next())
    await store(NEXT, 'room')
    const refused = incompatible('The waiting room "door" is', NEXT)
    const rest = async () => {
      for await (const _ of updates);
    }
    await expect(clock.during(rest())).rejects.toEqual(refused)
    const methods: (() => Promise<unknown>)[] = [
      () => room.join('bob'),
      () => room.poll(ticket),
      () => room.create(),
      () => room.pause(),
      () => room.setRate(5),
      () => room.revoke('ann'),
      () => room.leave(ticket),
      () => handle().ready(),
      () => handle().join('bob'),
      () => room.stats(),
    ]
    for (const call of methods) await expect(clock.during(call()), String(call)).rejects.toEqual(refused)
    expect(await anHour()).toBeLessThanOrEqual(1)
    expect(await anHour()).toBe(0)
  })
})
