import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FlashSale, type Reservation } from '../../src/index.js'
import { redisKind } from '../support/engines.js'
import { seeded } from '../support/seeds.js'
import { drop, snapshot } from '../support/snapshot.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const kind = redisKind()
beforeAll(kind.start)
afterAll(kind.stop)

/**
 * The clock of the server stands still, and a handle takes it to go on: holds outlast what a
 * recovery takes on a busy machine.
 */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      buyer: fc.nat(5),
      sku: fc.nat(1),
      units: fc.integer({ min: 1, max: 2 }),
      key: fc.nat(3),
      holdMs: fc.constantFrom(50_000, 10_000_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'confirm' as const,
        'release' as const,
        'extend' as const,
        'refund' as const,
        'refundAway' as const,
      ),
      which: fc.nat(20),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 60_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restock' as const),
      units: fc.constantFrom(-9, -1, 2),
      key: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('snapshot' as const, 'pause' as const, 'resume' as const) }),
  },
)
const stories = fc.record({
  partitions: fc.constantFrom(1, 3),
  limit: fc.constantFrom(undefined, 3),
  steps: fc.array(step, { minLength: 5, maxLength: 40 }),
  loss: fc.constantFrom('all', 'older'),
})

/** What was answered, by id: a reservation, or that it is to be refunded. */
type Told = Map<string, { reservation: Reservation; refundDue: boolean }>

test('after any story and any loss, the ledger brings back what was answered', async () => {
  const property = fc.asyncProperty(stories, async ({ partitions, limit, steps, loss }) => {
    const clock = await kind.make()
    const client = kind.client()
    const sale = new FlashSale('s', { engine: clock.engine, deadlineMs: 20_000 })
    const limits = limit === undefined ? {} : { limitPerBuyer: limit }
    await sale.create({ stock: { a: 7, b: 3 }, holdMs: 1_000, maxHoldMs: 20_000_000, partitions, ...limits })
    const ledger = await TestLedger.open(db)
    const told: Told = new Map()
    const note = (answer: object) => {
      if (!('reservation' in answer)) return
      const { reservation, status } = answer as { reservation: Reservation; status: string }
      const refundDue = status === 'refund_due' || told.get(reservation.id)?.refundDue === true
      told.set(reservation.id, { reservation, refundDue })
    }
    const everything = `{${clock.prefix}:s:*`
    let goBack: (() => Promise<void>) | undefined
    for (const one of steps) {
      const at = (which: number) => [...told.keys()][which % told.size]
      switch (one.do) {
        case 'reserve': {
          const order = {
            buyer: `u${one.buyer}`,
            items: [{ sku: 'ab'[one.sku]!, quantity: one.units }],
            key: `k${one.key}`,
            holdMs: one.holdMs,
          }
          note(await sale.reserve(order).catch((error) => error))
          break
        }
        case 'advance':
          await clock.advance(one.ms)
          break
        case 'restock':
          await sale.restock({ sku: 'a', quantity: one.units, key: `${one.units}:${one.key}` })
          break
        case 'pause':
        case 'resume':
          await sale[one.do]()
          break
        case 'snapshot':
          goBack = await snapshot(client, everything)
          break
        default: {
          if (told.size === 0) break
          const id = at(one.which)!
          if (one.do === 'confirm') note(await sale.confirm(id, { paymentId: `p-${id}` }))
          else if (one.do === 'release') note(await sale.release(id))
          else if (one.do === 'extend') note(await sale.extend(id, { holdMs: 15_000_000 }))
          else note(await sale.refund(id, { restock: one.do === 'refund' }))
        }
      }
    }
    await ledger.agrees(sale)
    const before = await sale.stats()
    const wasOlder = loss === 'older' && goBack !== undefined
    if (wasOlder) await goBack?.()
    else await drop(client, everything)
    const other = new FlashSale('s', { engine: clock.engine, deadlineMs: 20_000 })
    const { refused } = await other.recover({ from: ledger.ledger })
    // A hold that was extended, and whose time went by where the extension was forgotten, cannot
    // stand again.
    expect(refused.filter(({ reason }) => reason !== 'expired')).toEqual([])
    const after = await other.stats()
    for (const sku of ['a', 'b']) {
      const [was, is] = [before.skus[sku]!, after.skus[sku]!]
      expect([is.total, is.confirmed, is.inTransit], sku).toEqual([was.total, was.confirmed, was.inTransit])
      expect(is.held).toBeLessThanOrEqual(was.held)
    }
    expect((await other.audit()).violations).toEqual([])
    for (const [id, { reservation, refundDue }] of told) {
      const is = await other.get(id)
      if (reservation.state === 'held') expect(['held', 'expired'], id).toContain(is?.state)
      else if (refundDue && reservation.state !== 'refunded')
        expect(await other.confirm(id)).toMatchObject({ status: 'refund_due' })
      else if (reservation.state === 'confirmed')
        expect(is).toMatchObject({ state: 'confirmed', paymentId: `p-${id}` })
      // A hold that expired where its release was forgotten has expired instead.
      else if (reservation.state === 'released' && wasOlder)
        expect(['released', 'expired'], id).toContain(is?.state)
      else expect(is?.state, id).toBe(reservation.state)
    }
    await ledger.ledger.reconcile(other, { repair: true })
    expect(await ledger.ledger.reconcile(other)).toMatchObject({ ok: true })
    await client.flushall()
    await sale.close()
    await other.close()
  })
  await fc.assert(property, seeded(40))
})
