import { describe, expect, onTestFinished, test } from 'vitest'
import type { Engine } from '../../../src/engine/engine.js'
import type { CommandMap, Port } from '../../../src/engine/port.js'
import { FlashSale, type StockholdError } from '../../../src/index.js'
import type { TimedEngine } from '../../support/engines.js'
import { dyingRemover, leftIn, removingBy, salesOf } from '../../support/removal.js'
import { onBothEngines } from '../../support/shop.js'
import { TestClock } from '../../support/test-clock.js'
import { wrapped } from '../../support/wrapped-engine.js'

const items = [{ sku: 'a', quantity: 1 }]
const destroyed = { status: 'destroyed' }
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    (error: StockholdError) => error.code,
  )

onBothEngines((_, kind) => {
  const handle = (engine: Engine) => {
    const sale = new FlashSale('launch', { engine, deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    return sale
  }
  const create = async (timed: TimedEngine, partitions: number) => {
    const sale = handle(timed.engine)
    await sale.create({ stock: { a: 30 }, holdMs: 1_000, partitions })
    return sale
  }
  /** The engine of a process that hears nothing more from its first seal on. */
  const deafAfterSeal = (engine: Engine): Engine => {
    const { index, partition, room } = engine.lifecycle!
    let isDeaf = false
    const deaf = <M extends CommandMap<M>>(port: Port<M>): Port<M> => ({
      ...port,
      run(command, ops, call) {
        isDeaf ||= command === 'seal' && !(ops[0] as { dry: boolean }).dry
        return isDeaf ? new Promise(() => {}) : port.run(command, ops, call)
      },
    })
    const lifecycle = {
      index: deaf(index),
      partition: (...at: Parameters<typeof partition>) => deaf(partition(...at)),
      room,
    }
    return wrapped(engine, { lifecycle })
  }
  /** A sale of which each partition has an order. It has ended. */
  const ended = async (timed: TimedEngine, partitions: number) => {
    const sale = await create(timed, partitions)
    const orders: string[] = []
    for (let i = 0; i < 4 * partitions; i++) {
      const held = await sale.reserve({ buyer: `buyer ${i}`, items, key: `k${i}` })
      if (held.status !== 'reserved') expect.fail(held.status)
      await sale.confirm(held.reservation.id, { paymentId: `p${i}` })
      orders.push(held.reservation.id)
    }
    await sale.end()
    return { sale, orders }
  }

  test('a removal that hears nothing more ends by its deadline, and the sale goes on', async () => {
    const timed = await kind.make()
    const { sale, orders } = await ended(timed, 2)
    const clock = new TestClock()
    const deaf = new FlashSale('launch', {
      engine: deafAfterSeal(clock.drive(timed.engine)),
      deadlineMs: 300,
    })
    onTestFinished(() => deaf.close())
    await clock.during(deaf.stats())
    const begun = clock.now()
    await expect(clock.during(deaf.destroy())).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' })
    expect(clock.now() - begun).toBeLessThanOrEqual(305)
    expect(await sale.get(orders[0]!)).toMatchObject({ state: 'confirmed' })
  })

  describe.each([1, 3])('%i partitions', (partitions) => {
    test('a sale that has not ended is not removed, even by force', async () => {
      const timed = await kind.make()
      const sale = await create(timed, partitions)
      expect(await sale.destroy()).toStrictEqual({ status: 'not_ended' })
      await sale.pause()
      expect(await sale.destroy({ force: true })).toStrictEqual({ status: 'not_ended' })
      await sale.resume()
      expect(await sale.reserve({ buyer: 'ann', items })).toMatchObject({ status: 'reserved' })
    })

    test('of a removed sale nothing is left, and other handles hear NOT_FOUND', async () => {
      const timed = await kind.make()
      const { sale, orders } = await ended(timed, partitions)
      const other = handle(timed.engine)
      await other.stats()
      expect(await sale.destroy()).toStrictEqual(destroyed)
      expect(await leftIn(kind, timed)).toBe(0)
      expect(await salesOf(timed.engine)).toEqual([])
      for (const one of [sale, other, handle(timed.engine)]) {
        expect(await codeOf(one.stats())).toBe('NOT_FOUND')
        expect(await codeOf(one.confirm(orders[0]!))).toBe('NOT_FOUND')
        expect(await codeOf(one.reserve({ buyer: 'ann', items }))).toBe('NOT_FOUND')
        expect(await codeOf(one.consumerGroups())).toBe('NOT_FOUND')
        expect(await codeOf(one.recover({ from: 'replay' }))).toBe('NOT_FOUND')
      }
      expect(await codeOf(other.create({ stock: { a: 30 }, holdMs: 1_000, partitions }))).toBe('NOT_FOUND')
      expect(await leftIn(kind, timed)).toBe(0)
    })

    test('the same call again gives the same; a handle that has seen nothing finds nothing', async () => {
      const timed = await kind.make()
      const { sale } = await ended(timed, partitions)
      const other = handle(timed.engine)
      await other.stats()
      await sale.destroy()
      expect(await sale.destroy()).toStrictEqual(destroyed)
      expect(await other.destroy({ force: true })).toStrictEqual(destroyed)
      expect(await codeOf(handle(timed.engine).destroy())).toBe('NOT_FOUND')
    })

    test('the name is free for another sale, which handles of the removed one do not touch', async () => {
      const timed = await kind.make()
      const { sale, orders } = await ended(timed, partitions)
      const other = handle(timed.engine)
      await other.stats()
      await sale.destroy()
      for (const again of [partitions, 1, 4]) {
        const next = handle(timed.engine)
        expect(await next.create({ stock: { a: 7 }, partitions: again })).toStrictEqual({ created: true })
        expect(await codeOf(other.refund(orders[0]!, { restock: true }))).toBe('NOT_FOUND')
        expect(await codeOf(other.end())).toBe('NOT_FOUND')
        expect(await sale.destroy({ force: true })).toStrictEqual(destroyed)
        expect(await next.stats()).toMatchObject({ state: 'open', skus: { a: { available: 7 } } })
        expect(await salesOf(timed.engine)).toMatchObject([
          { id: 'launch', state: 'open', partitions: again },
        ])
        await next.end()
        expect(await next.destroy()).toStrictEqual(destroyed)
        expect(await leftIn(kind, timed)).toBe(0)
      }
    })

    test('units that are held are in use until their hold has expired; force ignores them', async () => {
      const timed = await kind.make()
      const sale = await create(timed, partitions)
      await sale.reserve({ buyer: 'ann', items })
      await sale.end()
      expect(await sale.destroy()).toStrictEqual({ status: 'in_use' })
      await timed.advance(999)
      expect(await sale.destroy()).toStrictEqual({ status: 'in_use' })
      await timed.advance(1)
      expect(await sale.destroy()).toStrictEqual(destroyed)

      const next = await create(timed, partitions)
      await next.reserve({ buyer: 'ann', items })
      await next.end()
      expect(await next.destroy({ force: true })).toStrictEqual(destroyed)
      expect(await leftIn(kind, timed)).toBe(0)
    })

    test('a group that lags is respected until it has caught up or was removed; force ignores it', async () => {
      const timed = await kind.make()
      const { sale, orders } = await ended(timed, partitions)
      const consumer = sale.consume({ group: 'parcels' }, () => {})
      const lag = async () => (await sale.consumerGroups())[0]?.lag
      await expect.poll(lag).toBe(0)
      await consumer.close()
      await sale.refund(orders[0]!, { restock: false })
      expect(await sale.destroy()).toStrictEqual({ status: 'in_use' })
      await sale.removeConsumerGroup('parcels')
      expect(await sale.destroy()).toStrictEqual(destroyed)
      expect(await leftIn(kind, timed)).toBe(0)

      const next = await ended(timed, partitions)
      const slow = next.sale.consume({ group: 'parcels' }, () => {
        throw new Error('not yet')
      })
      await expect.poll(async () => (await slow.stats()).failed).toBeGreaterThan(0)
      await slow.close()
      expect(await next.sale.destroy()).toStrictEqual({ status: 'in_use' })
      expect(await next.sale.destroy({ force: true })).toStrictEqual(destroyed)
      expect(await leftIn(kind, timed)).toBe(0)
    })

    test('a consumer of a sale that is removed ends with NOT_FOUND', async () => {
      const timed = await kind.make()
      const { sale } = await ended(timed, partitions)
      const errors: unknown[] = []
      const consumer = sale.consume({ group: 'g', onError: (error) => errors.push(error) }, () => {})
      await expect.poll(async () => (await sale.consumerGroups())[0]?.lag).toBe(0)
      expect(await sale.destroy()).toStrictEqual(destroyed)
      await expect(consumer.closed).rejects.toMatchObject({ code: 'NOT_FOUND' })
    })

    test('after a crash at any step the sale is whole or can be removed, and its name is free then', async () => {
      for (let steps = 1; ; steps++) {
        const timed = await kind.make()
        const { sale, orders } = await ended(timed, partitions)
        await sale.stats()
        const remover = dyingRemover(timed.engine, steps)
        const crashed = await codeOf(handle(remover.engine).destroy())
        if (!remover.isDead()) {
          expect(crashed).toBe('answered')
          expect(steps).toBeGreaterThan(4 + 3 * partitions)
          break
        }
        // The sale accepts a refund as before, or is gone for all.
        const refund = await codeOf(sale.refund(orders[0]!, { restock: true }))
        expect(['answered', 'NOT_FOUND']).toContain(refund)
        if (refund === 'answered') {
          expect(await sale.stats()).toMatchObject({ skus: { a: { confirmed: orders.length - 1 } } })
          expect(await sale.audit()).toMatchObject({ ok: true })
        } else {
          const next = handle(timed.engine)
          expect(await next.create({ stock: { a: 1 }, partitions: 2 })).toStrictEqual({ created: true })
          await next.end()
          expect(await next.destroy()).toStrictEqual(destroyed)
        }
        expect(await sale.destroy()).toStrictEqual(destroyed)
        expect(await leftIn(kind, timed)).toBe(0)
      }
    })

    test('when any reply is lost, the same call again completes the removal', async () => {
      for (let lost = 1; ; lost++) {
        const timed = await kind.make()
        await ended(timed, partitions)
        let calls = 0
        const engine = removingBy(timed.engine, () => (++calls === lost ? 'reply lost' : 'answered'))
        const sale = handle(engine)
        const first = await codeOf(sale.destroy())
        if (calls < lost) break
        expect(['answered', 'UNKNOWN_OUTCOME']).toContain(first)
        if (first !== 'answered') expect(await sale.destroy()).toStrictEqual(destroyed)
        expect(await leftIn(kind, timed)).toBe(0)
      }
    })

    test('several processes remove a sale at once', async () => {
      const timed = await kind.make()
      await ended(timed, partitions)
      const handles = Array.from({ length: 4 }, () => handle(timed.engine))
      await Promise.all(handles.map((one) => one.stats()))
      const results = await Promise.all(handles.map((one) => one.destroy()))
      expect(results).toEqual(handles.map(() => destroyed))
      expect(await leftIn(kind, timed)).toBe(0)
    })

    test('a refusal found after some partitions were sealed leaves the sale as it was', async () => {
      const timed = await kind.make()
      const { orders } = await ended(timed, partitions)
      const last = partitions - 1
      const { lifecycle } = timed.engine
      // The last partition has a hold that none had before the others were sealed.
      const engine = removingBy(timed.engine, () => 'answered')
      const { partition } = engine.lifecycle!
      const late: Engine = {
        ...engine,
        lifecycle: {
          ...engine.lifecycle!,
          partition(sale, index, count) {
            const port = partition(sale, index, count)
            const isLast = index === last && count === partitions
            return {
              ...port,
              async run(command, ops, call) {
                const reply = await port.run(command, ops, call)
                const [op] = ops as { dry?: boolean }[]
                if (!isLast || command !== 'seal' || op!.dry || reply.outcome !== 'done') return reply
                return { ...reply, answers: [{ status: 'in_use' }] as typeof reply.answers }
              },
            }
          },
        },
      }
      expect(await handle(late).destroy()).toStrictEqual({ status: 'in_use' })
      for (let i = 0; i < partitions; i++) {
        const port = lifecycle!.partition('launch', i, partitions)
        const reply = await port.run('inspect', [{}], { incarnation: null, deadline: 2 ** 52, minTime: 0 })
        expect(reply).toMatchObject({ answers: [{ status: 'found', sealed: false }] })
      }
      const sale = handle(timed.engine)
      for (const id of orders)
        expect(await sale.refund(id, { restock: true })).toMatchObject({ status: 'refunded' })
    })
  })

  test('an option that is not one is INVALID_ARGUMENT', async () => {
    const sale = await create(await kind.make(), 1)
    for (const options of [{ forced: true }, { force: 1 }, { force: null }])
      expect(await codeOf(sale.destroy(options as object))).toBe('INVALID_ARGUMENT')
    expect(await sale.destroy({ force: undefined, signal: undefined })).toStrictEqual({ status: 'not_ended' })
  })
})
