import { expect, onTestFinished, test } from 'vitest'
import { WaitingRoom } from '../../src/index.js'
import { START } from '../support/engines.js'
import { onBothEngines } from '../support/shop.js'

/** What shops reported of other systems, where it takes several features at once. */
onBothEngines((open) => {
  const cart = (units: Record<string, number>) =>
    Object.entries(units).map(([sku, quantity]) => ({ sku, quantity }))

  test.each([1, 3])(
    'presale for members and general sale with one limit, over %i partitions',
    async (partitions) => {
      const noon = START + 3_600_000
      const shop = await open({
        ...{ stock: { mango: 60, 'mango:members': 40 }, partitions },
        limits: [{ skus: ['mango', 'mango:members'], perBuyer: 2 }],
        skus: { mango: { opensAt: noon }, 'mango:members': { closesAt: noon } },
      })
      const buy = async (buyer: string, sku: string, quantity: number) => {
        const result = await shop.reserve(buyer, cart({ [sku]: quantity }))
        if (result.status === 'reserved') await shop.sale.confirm(result.reservation.id)
        return result.status
      }
      expect(await buy('ann', 'mango:members', 2)).toBe('reserved')
      expect(await buy('bob', 'mango', 1)).toBe('not_started')
      await shop.advance(3_600_001)
      expect(await buy('cid', 'mango:members', 1)).toBe('ended')
      const move = { from: 'mango:members', to: 'mango', quantity: 40, key: 'noon' }
      expect(await shop.sale.move(move)).toStrictEqual({ status: 'moved', applied: 38, replayed: false })
      expect(await buy('ann', 'mango', 1)).toBe('limit_exceeded')
      expect(await buy('bob', 'mango', 2)).toBe('reserved')
      expect([await shop.counts('mango'), await shop.counts('mango:members')]).toEqual([
        ...['98 96 0 2', '2 0 0 2'],
      ])
      await shop.audited()
    },
  )

  test.each([1, 3])(
    'a crowd gets what a cart drops, and never what it keeps or takes, over %i partitions',
    async (partitions) => {
      const shop = await open({ stock: { mango: 2, socks: 1 }, limitPerBuyer: 2, partitions })
      const { id } = await shop.hold('ann', cart({ mango: 2 }), { key: 'c1' })
      let got = 0
      const crowd = async () => {
        const asked = Array.from({ length: 20 }, (_, i) => shop.reserve(`bob ${i}`, cart({ mango: 1 })))
        const answers = await Promise.all(asked)
        got += answers.filter(({ status }) => status === 'reserved').length
      }
      const amend = async (units: Record<string, number>) => {
        const [result] = await Promise.all([shop.sale.amend(id, { items: cart(units) }), crowd(), crowd()])
        return result.status
      }
      expect(await amend({ mango: 1 })).toBe('amended')
      await crowd()
      expect(got).toBe(1)
      expect(await amend({ mango: 3 })).toBe('limit_exceeded')
      expect(await amend({ mango: 2 })).toBe('sold_out')
      expect(await amend({ mango: 1, socks: 1 })).toBe('amended')
      expect(got).toBe(1)
      expect([await shop.counts('mango'), await shop.counts('socks')]).toEqual(['2 0 2 0', '1 0 1 0'])
      expect(await shop.sale.get(id)).toMatchObject({ items: cart({ mango: 1, socks: 1 }) })
      await shop.audited()
    },
  )

  test('the bank hears of each payment beside the own one, once and with its id', async () => {
    const shop = await open()
    const refunds: unknown[] = []
    const consumer = shop.sale.consume({ group: 'bank' }, async (event) => {
      if (event.type === 'refund_due') refunds.push([event.paymentId, event.reservation.paymentId])
    })
    onTestFinished(() => consumer.close())
    const { id } = await shop.hold('ann')
    const said: string[] = []
    for (const paymentId of ['pi_1', 'pi_2', 'pi_1', 'pi_2', 'pi_3']) {
      const answer = await shop.sale.confirm(id, { paymentId })
      said.push(answer.status === 'refund_due' ? answer.reason : answer.status)
    }
    const due = 'duplicate_payment'
    expect(said).toEqual(['confirmed', due, 'confirmed', due, due])
    // The last event that there is: what came before it was delivered.
    await expect.poll(() => refunds.length).toBeGreaterThan(1)
    expect(refunds).toEqual([
      ['pi_2', 'pi_1'],
      ['pi_3', 'pi_1'],
    ])
  })

  test('a room handle with other options than the room issues no tickets that the others reject', async () => {
    const shop = await open()
    const common = {
      engine: shop.clock.engine,
      secret: 's'.repeat(32),
      ratePerSecond: 100,
      deadlineMs: 60_000,
    }
    const [room, other] = [new WaitingRoom('r', { ...common, sale: shop.sale }), new WaitingRoom('r', common)]
    onTestFinished(async () => {
      await room.close()
      await other.close()
    })
    await room.create()
    await expect(other.join('ann')).rejects.toMatchObject({ code: 'RULES_CONFLICT' })
  })
})
