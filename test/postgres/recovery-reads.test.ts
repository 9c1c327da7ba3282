/**
 * What PostgreSQL reads for a recovery and a comparison: of a million reservations each is read a
 * few times.
 */
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { Tables } from '../../src/postgres/tables.js'
import type { AcknowledgedState } from '../../src/sale/acknowledgement-cache.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const RESERVATIONS = 10_000
/** Of each reservation: reserved, and what became of it. */
const EVENTS = 2 * RESERVATIONS

test('the rows that a recovery, and a comparison, read are a small multiple of the reservations and their events', async () => {
  const { schema } = await TestLedger.open(db)
  const pool = new pg.Pool({ connectionString: db.server.url, max: 1 })
  onTestFinished(() => pool.end())
  const ledger = new TestLedger(pool, schema)
  const rules = {
    skus: [{ sku: 'tea', stock: RESERVATIONS, limit: null }],
    ...{ holdMs: 60_000, maxHoldMs: 60_000, opensAt: null, closesAt: null, partitions: 1 },
  }
  // Statistics would come only minutes after such a rush.
  await ledger.sql(
    `INSERT INTO $schema.sales (sale, incarnation, rules) VALUES ('launch', 'incarnation', $1)`,
    [JSON.stringify(rules)],
  )
  await ledger.sql(
    `INSERT INTO $schema.reservations
      (sale, id, partition, buyer, items, state, created_at, expires_at, changed_at, generation, sequence)
    SELECT 'launch', 'r' || n, 0, 'buyer ' || n, '{"tea": 1}',
      (ARRAY['confirmed', 'confirmed', 'held', 'released', 'expired'])[1 + n % 5],
      now(), now() + interval '1 hour', now(), 1, n
    FROM generate_series(1, ${RESERVATIONS}) AS n`,
  )
  await ledger.sql(
    `INSERT INTO $schema.events (sale, partition, generation, sequence, at, type, reservation)
    SELECT 'launch', 0, 1, n, now(), CASE WHEN n > ${RESERVATIONS} THEN 'confirmed' ELSE 'reserved' END,
      'r' || 1 + n % ${RESERVATIONS}
    FROM generate_series(1, ${EVENTS}) AS n`,
  )

  // The server counts what each connection has read, and here is only one.
  const read = async () => {
    await ledger.sql('SELECT pg_stat_force_next_flush()')
    const [{ rows }] = await ledger.sql(
      `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS rows FROM pg_stat_user_tables
      WHERE schemaname = $1`,
      [schema],
    )
    return Number(rows)
  }
  const before = await read()
  const source = await (await ledger.ledger.loadForRecovery('launch'))!.recoverySource()
  const found = new Map<AcknowledgedState, number>()
  for (const kind of ['over', 'reduced', 'confirmed', 'held'] as const) {
    const ids = new Set<string>()
    for await (const batch of source.reservations(kind, Date.now()))
      for (const { reservation } of batch) ids.add(reservation.id)
    found.set(kind, ids.size)
  }
  const after = await read()
  expect(Object.fromEntries(found)).toEqual({ over: 4_000, reduced: 0, confirmed: 4_000, held: 2_000 })
  expect(after - before).toBeGreaterThan(RESERVATIONS)
  expect(after - before).toBeLessThan(6 * RESERVATIONS + 2 * EVENTS)

  // Comparing the sale with the ledger reads all ids, and then each reservation once.
  const tables = new Tables(pool, schema)
  const seen: string[] = []
  for (let ids = await tables.ids('launch', 0, '', 500); ids.length > 0; ) {
    seen.push(...ids)
    expect(await tables.rows('launch', ids)).toHaveLength(ids.length)
    ids = await tables.ids('launch', 0, ids.at(-1)!, 500)
  }
  expect(new Set(seen).size).toBe(RESERVATIONS)
  expect((await read()) - after).toBeLessThan(4 * RESERVATIONS)
})
