import { expect } from 'vitest'
import type { FlashSale, Item, Reservation, SaleRules } from '../../src/index.js'

/** A sale on which a change is about to be made. */
interface Begun {
  /** Makes the change; the same call again is the same change. */
  call(sale: FlashSale): Promise<unknown>
  /** Fails unless the change was made, once, with all that follows from it. */
  isDone(sale: FlashSale): Promise<void>
}

/** A change of a running sale. */
export interface Change {
  /** It only reads. */
  readonly reads?: true
  readonly rules: Partial<SaleRules>
  begin(sale: FlashSale): Promise<Begun>
}

const cart = (units: Record<string, number>): Item[] =>
  Object.entries(units).map(([sku, quantity]) => ({ sku, quantity }))

async function hold(
  sale: FlashSale,
  buyer: string,
  units: Record<string, number>,
  rest: { key?: string; household?: string } = {},
): Promise<Reservation> {
  const result = await sale.reserve({ buyer, items: cart(units), ...rest })
  if (result.status !== 'reserved') expect.fail(JSON.stringify(result))
  return result.reservation
}

async function order(sale: FlashSale, buyer: string, units: Record<string, number>): Promise<string> {
  const { id } = await hold(sale, buyer, units)
  expect(await sale.confirm(id, { paymentId: 'p1' })).toMatchObject({ status: 'confirmed' })
  return id
}

/** Counts as `total available held confirmed`; what is in transit counts as available. */
async function counts(sale: FlashSale, sku: string): Promise<string> {
  const { total, available, held, confirmed, inTransit } = (await sale.stats()).skus[sku]!
  return `${total} ${available + inTransit} ${held} ${confirmed}`
}

/** Every change of carts, stock and limits that can be made while a sale runs. */
export const changes: Readonly<Record<string, Change>> = {
  'an amend': {
    rules: { limitPerBuyer: 6 },
    async begin(before) {
      const { id, expiresAt } = await hold(before, 'ann', { a: 4 }, { key: 'k' })
      const items = cart({ a: 2, b: 3 })
      return {
        call: (sale) => sale.amend(id, { items }),
        async isDone(sale) {
          expect(await sale.get(id)).toMatchObject({ state: 'held', items, expiresAt })
          expect([await counts(sale, 'a'), await counts(sale, 'b')]).toEqual(['20 18 2 0', '8 5 3 0'])
          const again = await sale.reserve({ buyer: 'ann', items: cart({ a: 4 }), key: 'k' })
          expect(again).toMatchObject({ status: 'reserved', replayed: true, reservation: { id, items } })
          expect(await sale.reserve({ buyer: 'ann', items: cart({ b: 4 }) })).toMatchObject({
            ...{ status: 'limit_exceeded', taken: 3, reservations: [id] },
          })
        },
      }
    },
  },
  'the refund of a part': {
    rules: { limitPerBuyer: 3 },
    async begin(before) {
      const id = await order(before, 'ann', { a: 3, b: 1 })
      const part = { restock: true, items: cart({ a: 1 }), key: 'r1' }
      const present = { state: 'confirmed', items: cart({ a: 2, b: 1 }) }
      return {
        call: (sale) => sale.refund(id, part),
        async isDone(sale) {
          expect(await sale.get(id)).toMatchObject(present)
          expect(await sale.refund(id, part)).toMatchObject({ replayed: true, reservation: present })
          await expect(sale.refund(id, { ...part, restock: false })).rejects.toMatchObject({
            code: 'IDEMPOTENCY_CONFLICT',
          })
          expect([await counts(sale, 'a'), await counts(sale, 'b')]).toEqual(['20 18 0 2', '8 7 0 1'])
          expect(await sale.reserve({ buyer: 'ann', items: cart({ a: 2 }) })).toMatchObject({ taken: 2 })
        },
      }
    },
  },
  'a transfer': {
    rules: { limitPerBuyer: 3 },
    async begin(before) {
      const { id } = await hold(before, 'guest', { a: 2 }, { key: 'k' })
      return {
        call: (sale) => sale.transfer(id, { to: 'ann' }),
        async isDone(sale) {
          const present = await sale.get(id)
          expect(present).toMatchObject({ state: 'held', buyer: 'ann', items: cart({ a: 2 }) })
          expect(await sale.transfer(id, { to: 'ann' })).toMatchObject({ replayed: true })
          expect(await sale.reservationsOf('ann')).toEqual([present])
          expect(await sale.reservationsOf('guest')).toMatchObject([{ id, state: 'transferred', key: 'k' }])
          expect(await counts(sale, 'a')).toBe('20 18 2 0')
          expect(await sale.reserve({ buyer: 'ann', items: cart({ a: 2 }) })).toMatchObject({ taken: 2 })
        },
      }
    },
  },
  'a list of reservations': {
    reads: true,
    rules: {},
    async begin(before) {
      const paid = await order(before, 'ann', { a: 1 })
      const { id: released } = await hold(before, 'ann', { a: 2 })
      await before.release(released)
      const { id: given } = await hold(before, 'ann', { a: 3 })
      await before.transfer(given, { to: 'bob' })
      const { id: held } = await hold(before, 'ann', { b: 4 })
      const states = { [paid]: 'confirmed', [released]: 'released', [given]: 'transferred', [held]: 'held' }
      const pages = async (sale: FlashSale) => {
        const first = await sale.reservationsOf('ann', { limit: 3 })
        expect(first).toHaveLength(3)
        return [...first, ...(await sale.reservationsOf('ann', { limit: 3, cursor: first.at(-1)!.id }))]
      }
      return {
        call: pages,
        async isDone(sale) {
          const listed = await pages(sale)
          expect(Object.fromEntries(listed.map(({ id, state }) => [id, state]))).toEqual(states)
          expect(listed).toHaveLength(4)
          expect(await sale.reservationsOf('bob')).toMatchObject([{ state: 'held', items: cart({ a: 3 }) }])
          expect([await counts(sale, 'a'), await counts(sale, 'b')]).toEqual(['20 16 3 1', '8 4 4 0'])
        },
      }
    },
  },
  'an update of the rules': {
    rules: { limitPerBuyer: 6 },
    async begin(before) {
      const { id } = await hold(before, 'ann', { a: 5 })
      const closesAt = new Date('2035-03-20T23:00:00Z')
      const update = {
        limitPerBuyer: 3,
        closesAt,
        stock: { kiwi: 9 },
        skus: { b: { closesAt: 1_000_000_000_000 } },
      }
      return {
        call: (sale) => sale.update(update),
        async isDone(sale) {
          expect(await sale.rules()).toMatchObject({ revision: 1, closesAt: closesAt.getTime() })
          expect(await sale.update(update)).toEqual({ revision: 1, replayed: true })
          expect(await sale.get(id)).toMatchObject({ state: 'held', items: cart({ a: 5 }) })
          expect(await counts(sale, 'kiwi')).toBe('9 9 0 0')
          expect(await sale.reserve({ buyer: 'bob', items: cart({ kiwi: 4 }) })).toMatchObject({ limit: 3 })
          expect(await sale.reserve({ buyer: 'bob', items: cart({ b: 1 }) })).toMatchObject({
            ...{ status: 'ended', sku: 'b' },
          })
        },
      }
    },
  },
  'a stock count': {
    rules: {},
    async begin(before) {
      const { id } = await hold(before, 'ann', { a: 8 })
      const count = { sku: 'a', total: 5, key: 'c1' }
      return {
        call: (sale) => sale.setTotal(count),
        async isDone(sale) {
          expect(await sale.setTotal(count)).toMatchObject({ status: 'set', replayed: true })
          expect((await sale.stats()).skus.a).toMatchObject({ total: 8, held: 8, owed: 3 })
          await expect(sale.setTotal({ ...count, total: 6 })).rejects.toMatchObject({
            code: 'IDEMPOTENCY_CONFLICT',
          })
          await sale.release(id)
          expect(await counts(sale, 'a')).toBe('5 5 0 0')
        },
      }
    },
  },
  'a move of units': {
    rules: {},
    async begin(before) {
      await hold(before, 'ann', { a: 3 })
      const move = { from: 'a', to: 'b', quantity: 40, key: 'm1' }
      return {
        call: (sale) => sale.move(move),
        async isDone(sale) {
          expect(await sale.move(move)).toEqual({ status: 'moved', applied: 17, replayed: true })
          expect([await counts(sale, 'a'), await counts(sale, 'b')]).toEqual(['3 0 3 0', '25 25 0 0'])
          await expect(sale.move({ ...move, quantity: 1 })).rejects.toMatchObject({
            code: 'IDEMPOTENCY_CONFLICT',
          })
          await hold(sale, 'bob', { b: 25 })
        },
      }
    },
  },
  'units that return to another SKU': {
    rules: { skus: { a: { returnsTo: 'b' } } },
    async begin(before) {
      const { id } = await hold(before, 'ann', { a: 3 })
      return {
        call: (sale) => sale.release(id),
        async isDone(sale) {
          expect(await sale.release(id)).toMatchObject({ status: 'released', replayed: true })
          expect([await counts(sale, 'a'), await counts(sale, 'b')]).toEqual(['17 17 0 0', '11 11 0 0'])
        },
      }
    },
  },
  'a reservation of a household': {
    rules: { limitPerHousehold: 3, limits: [{ skus: ['a', 'b'], perBuyer: 4 }] },
    async begin(before) {
      await hold(before, 'bob', { a: 1 }, { household: 'oak' })
      const request = { buyer: 'ann', household: 'oak', items: cart({ a: 2 }), key: 'k' }
      return {
        call: (sale) => sale.reserve(request),
        async isDone(sale) {
          expect(await sale.reserve(request)).toMatchObject({ status: 'reserved', replayed: true })
          const reserve = (household: string, units: Record<string, number>) =>
            sale.reserve({ buyer: 'ann', household, items: cart(units) })
          expect(await reserve('elm', { a: 1 })).toEqual({ status: 'household_conflict', household: 'oak' })
          expect(await reserve('oak', { a: 1 })).toMatchObject({ household: 'oak', taken: 3 })
          expect(await reserve('oak', { b: 3 })).toMatchObject({ status: 'limit_exceeded', skus: ['a', 'b'] })
          expect(await counts(sale, 'a')).toBe('20 17 3 0')
        },
      }
    },
  },
  'a second payment': {
    rules: {},
    async begin(before) {
      const id = await order(before, 'ann', { a: 1 })
      return {
        call: (sale) => sale.confirm(id, { paymentId: 'p2' }),
        async isDone(sale) {
          for (const paymentId of ['p2', 'p2'])
            expect(await sale.confirm(id, { paymentId })).toMatchObject({ reason: 'duplicate_payment' })
          expect(await sale.confirm(id, { paymentId: 'p1' })).toMatchObject({
            ...{ status: 'confirmed', replayed: true },
          })
          expect(await counts(sale, 'a')).toBe('20 19 0 1')
        },
      }
    },
  },
}

/** What every sale of these has in stock, and how long it holds. */
export const changing = { stock: { a: 20, b: 8 }, holdMs: 60_000, maxHoldMs: 600_000 }
