import { expect, test } from 'vitest'
import type { SkuCounts, StoredEvent, StoredReservation } from '../../../src/engine/engine.js'
import { makeId } from '../../../src/engine/reservation-id.js'
import { type AuditedPartition, auditPartition } from '../../../src/sale/audit-partition.js'
import { partitionForBuyer } from '../../../src/sale/partitions.js'
import { SaleRulesIndex } from '../../../src/sale/reserve-request.js'

const book = new SaleRulesIndex({
  skus: [{ sku: 'a', stock: 10, limit: 2 }],
  ...{ holdMs: 1_000, maxHoldMs: 1_000, opensAt: null, closesAt: null, partitions: 1 },
})

const spread = new SaleRulesIndex({ ...book.rules, partitions: 4 })

const reservation = (id: string, buyer: string, quantity: number): StoredReservation => ({
  ...{
    id,
    buyer,
    cart: [[0, quantity]],
    state: 'held',
    key: null,
    createdAt: 1,
    expiresAt: 2,
    paymentId: null,
  },
})

/** What an audit says of a partition that shows these reservations and counts. */
async function rulesBroken(
  reservations: readonly StoredReservation[],
  counts: Partial<SkuCounts> = {},
  place?: AuditedPartition,
): Promise<string[]> {
  const held = reservations.reduce((sum, { cart }) => sum + cart[0]![1], 0)
  const skus = [{ total: 10, available: 10 - held, held, confirmed: 0, inTransit: 0, ...counts }]
  const source = {
    scan: async () => ({
      status: 'scanned' as const,
      cursor: '0',
      reservations,
      furtherPayments: [],
      keyedRefunds: [],
      skus,
      sequence: 0,
    }),
    events: async () => ({
      status: 'events' as const,
      events: [],
      generation: 1,
      since: 0,
      reservations: [],
    }),
    get: async () => undefined,
  }
  const { violations } = await auditPartition(source, 0, place ? spread : book, place)
  return violations.map(({ rule }) => rule)
}

test('a cart that changes during the audit is that of its latest event before the counts', async () => {
  const changes = { first: [[0, 1]], count: 3 } as const
  const latest = { ...reservation('1', 'u', 9), changes }
  const event = (sequence: number, quantity: number, count: number): StoredEvent => ({
    ...{ sequence, at: 1, id: '1', before: [[0, 1]] },
    type: 'amended',
    changed: { cart: [[0, quantity]], count },
  })
  const audited = async (held: number, scanned: readonly StoredReservation[]) => {
    const skus = [{ total: 10, available: 10 - held, held, confirmed: 0, inTransit: 0 }]
    const rest = { cursor: '0', furtherPayments: [], keyedRefunds: [], skus, sequence: 2 }
    const events = [event(1, 1, 1), event(2, 2, 2), event(3, 9, 3)]
    const { violations } = await auditPartition(
      {
        scan: async () => ({ status: 'scanned', reservations: scanned, ...rest }),
        events: async ({ after }) => ({
          ...{ status: 'events', events: events.slice(after), generation: 1, since: 0, reservations: [] },
        }),
        get: async () => latest,
      },
      0,
      book,
    )
    return violations.map(({ rule }) => rule)
  }
  expect(await audited(2, [reservation('1', 'u', 1)])).toEqual([])
  expect(await audited(2, [])).toEqual([])
  expect(await audited(1, [])).toEqual(['recount'])
})

test('up to the limit is fine, in one reservation or several', async () => {
  expect(
    await rulesBroken([reservation('1', 'u', 2), reservation('2', 'v', 1), reservation('3', 'v', 1)]),
  ).toEqual([])
})

test('a buyer over the limit is told once, however it came about', async () => {
  expect(await rulesBroken([reservation('1', 'u', 3)])).toEqual(['limit'])
  expect(await rulesBroken([reservation('1', 'u', 1), reservation('2', 'u', 2)])).toEqual(['limit'])
  expect(await rulesBroken(['1', '2', '3', '4'].map((id) => reservation(id, 'u', 1)))).toEqual(['limit'])
})

test('counts that do not add up, are negative, or are not what the reservations hold', async () => {
  expect(await rulesBroken([], { available: 9 })).toEqual(['conservation'])
  expect(await rulesBroken([], { available: 11, held: -1 })).toEqual(['negative', 'recount'])
  expect(await rulesBroken([reservation('1', 'u', 1)], { available: 10, held: 0 })).toEqual(['recount'])
})

test('a buyer in a partition that is not theirs, or an id that leads to another one', async () => {
  const incarnation = 'some token'
  const home = partitionForBuyer(incarnation, 'u', 4)
  const elsewhere = (home + 1) % 4
  const idIn = (partition: number) => makeId(partition, 'AAAAAAAA', 'AAAAAAAA')
  const broken = (idAt: number, partition: number) =>
    rulesBroken([reservation(idIn(idAt), 'u', 1)], {}, { partition, incarnation })
  expect(await broken(home, home)).toEqual([])
  expect(await broken(elsewhere, elsewhere)).toEqual(['home'])
  expect(await broken(elsewhere, home)).toEqual(['home'])
})
