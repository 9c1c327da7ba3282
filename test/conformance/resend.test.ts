import { describe, expect, test } from 'vitest'
import type { Answer, Command, Op } from '../../src/engine/engine.js'
import { idIn, onBothEngines, order, type Shop } from '../support/shop.js'

const ids = {
  held: idIn('held', 1),
  confirmed: idIn('paid', 1),
  late: idIn('late', 1),
  released: idIn('gone', 1),
  refunded: idIn('back', 1),
  expired: idIn('over', 1),
  none: idIn('none', 1),
}

/** One reservation in each state; the clock stands where `late` and `expired` have expired. */
async function furnish(shop: Shop): Promise<void> {
  const rest = { key: 'k', holdMs: 5_000 }
  const { held, confirmed, late, released, refunded, expired } = ids
  const kept = [held, confirmed, released, refunded].map((id) => order(id, { ...rest, buyer: id }))
  const short = [late, expired].map((id) => order(id, { ...rest, buyer: id, holdMs: 10 }))
  await shop.done('reserve', [...kept, ...short])
  await shop.advance(10)
  const pay = [confirmed, refunded, late].map((id) => ({ id, buyer: null, paymentId: 'p', final: true }))
  await shop.done('confirm', pay)
  await shop.done('release', [{ id: released, buyer: null }])
  await shop.done('refund', [{ id: refunded, restock: true }])
  await shop.done('restock', [{ sku: 0, quantity: 2, key: 'r', final: true }])
}

/** A batch of every kind of item for each command that changes something. */
const batches: { [C in Command]?: readonly Op<C>[] } = {
  reserve: [
    order(idIn('new', 1)),
    order(idIn('new', 2), { key: 'new', cart: [[0, 2]] }),
    order(idIn('held', 3), { buyer: ids.held, key: 'k' }),
    order(idIn('held', 4), { buyer: ids.held, key: 'k', cart: [[0, 5]] }),
    order(idIn('gone', 5), { buyer: ids.released, key: 'k' }),
    order(idIn('new', 6), { cart: [[0, 500]] }),
    order(idIn('new', 7), { buyer: 'limit', cart: [[0, 50]] }),
    order(idIn('new', 1)),
  ],
  confirm: ['q', 'p', 'q', null, 'r'].flatMap((paymentId) =>
    [...Object.values(ids), ids.held].map((id) => ({ id, buyer: null, paymentId, final: true })),
  ),
  release: [...Object.values(ids), ids.held].map((id) => ({ id, buyer: null })),
  extend: [...Object.values(ids), ids.held].map((id) => ({ id, holdMs: 9_000 })),
  refund: [...Object.values(ids), ids.confirmed].map((id) => ({ id, restock: false })),
  restock: [
    { sku: 0, quantity: 3, key: 'r1', final: true },
    { sku: 0, quantity: -500, key: 'r2', final: true },
    { sku: 0, quantity: 2, key: 'r', final: true },
    { sku: 0, quantity: 9, key: 'r', final: true },
    { sku: 0, quantity: 3, key: 'r1', final: true },
  ],
  receive: [
    { from: 1, sent: [[0, 3]] },
    { from: 2, sent: [[0, 1]] },
    { from: 1, sent: [[0, 2]] },
  ],
  control: [{ action: 'pause' }, { action: 'pause' }],
}
const commands = Object.keys(batches) as (keyof typeof batches)[]

function runBatch<C extends Command>(shop: Shop, command: C, deadline?: number) {
  const ops = batches[command] as readonly Op<C>[]
  return shop.done(command, ops, deadline === undefined ? {} : { deadline })
}

/** Everything there is to see of a partition. */
async function everything(shop: Shop) {
  const { answers, sequence } = await shop.done('scan', [{ cursor: '0' }])
  return { answers, sequence, events: await shop.events() }
}

const withoutReplayed = (answers: readonly Answer<Command>[]) =>
  answers.map((answer) => ({ ...answer, replayed: undefined }))

onBothEngines((openShop) => {
  const open = async () => {
    const shop = await openShop({ stock: { a: 40 }, limitPerBuyer: 20, maxHoldMs: 20_000 })
    await shop.sale.close()
    await furnish(shop)
    await shop.done('stats', [{}])
    return shop
  }

  describe('the very same batch again, as a driver resends it after a lost connection', () => {
    test.each(commands)('%s: the same answers, and nothing changes', async (command) => {
      const shop = await open()
      const first = await runBatch(shop, command)
      expect(first.sequence).toBe((await shop.events()).length)
      const before = await everything(shop)
      for (let i = 0; i < 2; i++) {
        const again = await runBatch(shop, command)
        expect(withoutReplayed(again.answers)).toEqual(withoutReplayed(first.answers))
        expect(again.sequence).toBe(first.sequence)
        expect(await everything(shop)).toEqual(before)
      }
    })

    test.each(['control', 'restock', 'reserve'] as const)('%s: also while others go on', async (command) => {
      const shop = await open()
      const first = await runBatch(shop, command)
      await shop.done('release', [{ id: ids.held, buyer: null }])
      await shop.advance(100)
      const before = await everything(shop)
      const again = await runBatch(shop, command)
      const statuses = (answers: readonly Answer<Command>[]) => answers.map(({ status }) => status)
      const held = command === 'reserve' ? ['reserved', 'reserved', 'key_spent'] : []
      expect(statuses(again.answers)).toEqual([...held, ...statuses(first.answers).slice(held.length)])
      expect(await everything(shop)).toEqual(before)
    })
  })

  describe('a batch past its deadline', () => {
    test.each(commands)('%s: what would change something is retry, the rest is answered', async (command) => {
      const shop = await open()
      const before = await everything(shop)
      const late = await runBatch(shop, command, shop.now() - 1)
      expect(await everything(shop)).toEqual(before)
      expect(late.answers.some(({ status }) => status === 'retry')).toBe(true)
      // A deadline that is just now is not past.
      const inTime = await runBatch(shop, command, shop.now())
      expect(inTime.answers.some(({ status }) => status === 'retry')).toBe(false)
      expect(inTime.sequence).toBeGreaterThan(before.sequence)
      for (const [i, answer] of late.answers.entries())
        if (answer.status !== 'retry') expect(answer).toEqual(inTime.answers[i])
    })

    test.each(commands)('%s: repeats are still answered', async (command) => {
      const shop = await open()
      const first = await runBatch(shop, command)
      const late = await runBatch(shop, command, shop.now() - 1)
      const refusals = command === 'reserve' ? new Set([5, 6]) : new Set()
      const expected = withoutReplayed(first.answers).map((answer, i) =>
        refusals.has(i) ? { status: 'retry', replayed: undefined } : answer,
      )
      expect(withoutReplayed(late.answers)).toEqual(expected)
    })

    test('every final state is answered, what is open is retry', async () => {
      const shop = await open()
      const deadline = shop.now() - 1
      const names = [...Object.keys(ids), 'again']
      const statuses = async (command: 'confirm' | 'release' | 'extend' | 'refund', from = 0) => {
        const { answers } = await runBatch(shop, command, deadline)
        const some = answers.slice(from, from + names.length)
        return Object.fromEntries(some.map(({ status }, i) => [names[i], status]))
      }
      const not_found = { none: 'not_found' }
      const retry = Object.fromEntries(names.map((name) => [name, 'retry']))
      // A payment that no reservation has, and one that some have.
      expect(await statuses('confirm')).toEqual({ ...retry, ...not_found })
      expect(await statuses('confirm', names.length)).toEqual({
        held: 'retry',
        confirmed: 'confirmed',
        late: 'confirmed',
        released: 'retry',
        refunded: 'refund_due',
        expired: 'retry',
        again: 'retry',
        ...not_found,
      })
      expect(await statuses('release')).toEqual({
        held: 'retry',
        confirmed: 'already_confirmed',
        late: 'already_confirmed',
        released: 'released',
        refunded: 'already_confirmed',
        expired: 'expired',
        again: 'retry',
        ...not_found,
      })
      expect(await statuses('extend')).toEqual({
        held: 'retry',
        confirmed: 'already_confirmed',
        late: 'already_confirmed',
        released: 'already_released',
        refunded: 'already_confirmed',
        expired: 'expired',
        again: 'retry',
        ...not_found,
      })
      expect(await statuses('refund')).toEqual({
        held: 'not_confirmed',
        confirmed: 'retry',
        late: 'retry',
        released: 'not_confirmed',
        refunded: 'refunded',
        expired: 'not_confirmed',
        again: 'retry',
        ...not_found,
      })
    })

    test('an extension that would change nothing is answered', async () => {
      const shop = await open()
      const deadline = shop.now() - 1
      expect(await shop.ask('extend', { id: ids.held, holdMs: 1 }, { deadline })).toMatchObject({
        status: 'extended',
      })
    })
  })
})
