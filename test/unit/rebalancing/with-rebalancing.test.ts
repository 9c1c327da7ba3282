import { describe, expect, test } from 'vitest'
import type { Cart, Op } from '../../../src/engine/engine.js'
import type { Rebalancer, Shortage, SoldOut } from '../../../src/sale/rebalancing/rebalancer.js'
import {
  confirmWithRebalancing,
  reserveWithRebalancing,
  restockWithRebalancing,
} from '../../../src/sale/rebalancing/with-rebalancing.js'
import { idIn } from '../../support/shop.js'

const id = idIn('b', 1)
const cart: Cart = [
  [0, 2],
  [3, 1],
]
const soldOut: SoldOut = { sku: 3, available: 1, unsold: 1, mayReturn: false }
const limits = { deadline: 1_000 }

/**
 * A home that answers with these, one after another, and a search that ends like this: `undefined`
 * asks again.
 */
function searched(answers: readonly object[], ends: readonly (SoldOut | undefined)[] = []) {
  const asked: [number, string, object][] = []
  const sought: [number, Shortage, number, number][] = []
  const left = [...answers]
  const ask = (async (index: number, command: string, op: object) => {
    asked.push([index, command, op])
    return left.shift()
  }) as never
  const supply = {
    snapshotCount: 7,
    async acquire(home: number, lack: Shortage, since: number, round: number) {
      sought.push([home, lack, since, round])
      return ends[sought.length - 1]
    },
    completeTransfers: async () => false,
  } as unknown as Rebalancer
  return { ask, asked, sought, supply }
}

describe('a reserve that its partition has refused for want of units', () => {
  const op: Op<'reserve'> = { id, buyer: 'u', cart, key: null, holdMs: 10 } as never
  const none = { status: 'sold_out', sku: 3, available: 0 }
  const lack = { sku: 3, available: 0, wants: cart, partly: false }

  test('is asked again until it is answered otherwise', async () => {
    const { ask, asked, sought, supply } = searched([none, { status: 'reserved' }])
    const end = await reserveWithRebalancing(supply, ask, op, none as never, true, limits)
    expect(end).toEqual({ answer: { status: 'reserved' } })
    expect(sought).toEqual([
      [0, lack, 7, 0],
      [0, lack, 7, 1],
    ])
    expect(asked).toEqual([
      [0, 'reserve', op],
      [0, 'reserve', op],
    ])
  })

  test('and not asked where the answer was another', async () => {
    const { ask, sought, supply } = searched([])
    const end = await reserveWithRebalancing(supply, ask, op, { status: 'paused' } as never, true, limits)
    expect([end, sought]).toEqual([{ answer: { status: 'paused' } }, []])
  })

  test.each([
    // Key, limits, and whether the home is asked a last time.
    [null, false, false],
    ['k', false, true],
    [null, true, true],
    ['k', true, true],
  ])('sold out, with key %s and limits %s: asked once more: %s', async (key, limited, again) => {
    const { ask, asked, supply } = searched([none], [soldOut])
    const end = await reserveWithRebalancing(supply, ask, { ...op, key }, none as never, limited, limits)
    expect(end).toEqual({ soldOut })
    expect(asked).toHaveLength(again ? 1 : 0)
  })

  test('what the partition itself says at last comes before sold out', async () => {
    const { ask, supply } = searched([{ status: 'replayed' }], [soldOut])
    const end = await reserveWithRebalancing(supply, ask, { ...op, key: 'k' }, none as never, false, limits)
    expect(end).toEqual({ answer: { status: 'replayed' } })
  })
})

describe('a confirm', () => {
  const op = { id, buyer: null, paymentId: 'p', final: true } as Op<'confirm'>
  const lacking = { status: 'lacking', sku: 3, available: 1 }
  const found = { status: 'found', reservation: { cart } }
  const rules = () => ({ rules: { skus: [] } })

  test('that lacks nothing is asked for once, and not as the last word', async () => {
    const { ask, asked, supply } = searched([{ status: 'confirmed' }])
    expect(await confirmWithRebalancing(supply, ask, op, rules, limits)).toEqual({ status: 'confirmed' })
    expect(asked).toEqual([[0, 'confirm', { ...op, final: false }]])
  })

  test('that lacks units gets the whole cart brought', async () => {
    const { ask, asked, sought, supply } = searched([lacking, found, { status: 'confirmed' }])
    expect(await confirmWithRebalancing(supply, ask, op, rules, limits)).toEqual({ status: 'confirmed' })
    expect(sought).toEqual([[0, { sku: 3, available: 1, wants: cart, partly: false }, 7, 0]])
    expect(asked.map(([, command, one]) => [command, (one as { final?: boolean }).final])).toEqual([
      ['confirm', false],
      ['get', undefined],
      ['confirm', false],
    ])
  })

  test('is decided for good where there are too few', async () => {
    const { ask, asked, supply } = searched([lacking, found, { status: 'refund_due' }], [soldOut])
    expect(await confirmWithRebalancing(supply, ask, op, rules, limits)).toEqual({ status: 'refund_due' })
    expect(asked.at(-1)).toEqual([0, 'confirm', { ...op, final: true }])
  })

  test('is decided for good where the reservation is gone', async () => {
    const { ask, asked, sought, supply } = searched([
      lacking,
      { status: 'not_found' },
      { status: 'not_found' },
    ])
    expect(await confirmWithRebalancing(supply, ask, op, rules, limits)).toEqual({ status: 'not_found' })
    expect(asked.at(-1)).toEqual([0, 'confirm', { ...op, final: true }])
    expect(sought).toEqual([])
  })
})

describe('a restock that takes units out', () => {
  const op = { sku: 3, quantity: -5, key: 'k', final: true } as Op<'restock'>
  const lacking = { status: 'lacking', available: 2 }

  test('gathers them first, as many as there are', async () => {
    const { ask, asked, sought, supply } = searched([lacking, { status: 'restocked' }])
    expect(await restockWithRebalancing(supply, ask, 2, op, limits)).toEqual({ status: 'restocked' })
    expect(sought).toEqual([[2, { sku: 3, available: 2, wants: [[3, 5]], partly: true }, 7, 0]])
    expect(asked).toEqual([
      [2, 'restock', { ...op, final: false }],
      [2, 'restock', { ...op, final: false }],
    ])
  })

  test('takes what there is where there are fewer', async () => {
    const { ask, asked, supply } = searched([lacking, { status: 'restocked' }], [soldOut])
    expect(await restockWithRebalancing(supply, ask, 2, op, limits)).toEqual({ status: 'restocked' })
    expect(asked.at(-1)).toEqual([2, 'restock', { ...op, final: true }])
  })
})
