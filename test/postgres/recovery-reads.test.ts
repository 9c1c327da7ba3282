/**
 * What PostgreSQL reads for a recovery and a comparison: of a million reservations each is read a
 * few times.
 */
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { readByIndex } from '../../src/postgres/by-index.js'
import { Tables } from '../../src/postgres/tables.js'
import type { AcknowledgedState } from '../../src/sale/acknowledgement-cache.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const RESERVATIONS = 10_000
/** Of each reservation: reserved, and what became of it. */
const EVENTS = 2 * RESERVATIONS
const PARTITIONS = 4
/** The id, and the partition, of the reservation `n`. */
const ID = `'1A' || chr(65 + n % ${PARTITIONS}) || lpad(n::text, 16, '0')`

test('the rows that a recovery, and a comparison, read are a small multiple of the reservations and their events', async () => {
  const { schema } = await TestLedger.open(db)
  const pool = new pg.Pool({ connectionString: db.server.url, max: 1 })
  onTestFinished(() => pool.end())
  const ledger = new TestLedger(pool, schema)
  const rules = {
    skus: [{ sku: 'tea', stock: RESERVATIONS, limit: null }],
    ...{ holdMs: 60_000, maxHoldMs: 60_000, opensAt: null, closesAt: null, partitions: PARTITIONS },
  }
  // Statistics would come only minutes after such a rush.
  await ledger.sql(
    `INSERT INTO $schema.sales (sale, incarnation, rules) VALUES ('launch', 'incarnation', $1)`,
    [JSON.stringify(rules)],
  )
  await ledger.sql(
    `INSERT INTO $schema.reservations
      (sale, id, partition, buyer, items, state, created_at, expires_at, changed_at, generation, sequence)
    SELECT 'launch', ${ID}, n % ${PARTITIONS}, 'buyer ' || n, '{"tea": 1}',
      (ARRAY['confirmed', 'confirmed', 'held', 'released', 'expired'])[1 + n % 5],
      now(), now() + interval '1 hour', now(), 1, n
    FROM generate_series(1, ${RESERVATIONS}) AS n`,
  )
  await ledger.sql(
    `INSERT INTO $schema.events (sale, partition, generation, sequence, at, type, reservation)
    SELECT 'launch', n % ${PARTITIONS}, 1, i, now(), type, ${ID}
    FROM generate_series(1, ${EVENTS}) AS i
      CROSS JOIN LATERAL (SELECT 1 + i % ${RESERVATIONS}, CASE WHEN i > ${RESERVATIONS} THEN 'confirmed' ELSE 'reserved' END) AS e (n, type)`,
  )
  // Every fourth was paid a second time, and partly refunded.
  const details = (columns: string, values: string) => `INSERT INTO $schema.${columns}
    SELECT 'launch', ${ID}, n % ${PARTITIONS}, ${values} FROM generate_series(1, ${RESERVATIONS}, 4) AS i
      CROSS JOIN LATERAL (SELECT i + i / 4 % ${PARTITIONS}) AS e (n)`
  await ledger.sql(
    details(
      'further_payments (sale, reservation, partition, payment_id, reason, at, generation, sequence)',
      `'payment', 'duplicate_payment', now(), 1, n`,
    ),
  )
  await ledger.sql(
    details(
      'refunds (sale, id, partition, key, restock, refunded_at, generation, sequence)',
      `'key', true, now(), 1, n`,
    ),
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

  // Comparing the sale with the ledger reads, of each partition, all ids and all details; then each
  // reservation once.
  const tables = new Tables(pool, schema)
  const seen: string[] = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let ids = await tables.ids('launch', partition, '', 500); ids.length > 0; ) {
      seen.push(...ids)
      expect(await tables.rows('launch', ids)).toHaveLength(ids.length)
      ids = await tables.ids('launch', partition, ids.at(-1)!, 500)
    }
  }
  expect(new Set(seen).size).toBe(RESERVATIONS)
  const compared = await read()
  expect(compared - after).toBeLessThan(4 * RESERVATIONS)

  for (const table of [tables.furtherPayments, tables.refunds]) {
    const of: string[] = []
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const until = { partition, offset: { generation: 1, sequence: RESERVATIONS, batchId: '' } }
      for (let page = await table.page('launch', undefined, 500, until); page.length > 0; ) {
        expect(
          await table.of(
            'launch',
            page.map(({ id }) => id),
          ),
        ).toHaveLength(page.length)
        of.push(...page.map(({ id }) => id))
        page = await table.page('launch', page.at(-1) as never, 500, until)
      }
    }
    expect(new Set(of).size).toBe(RESERVATIONS / 4)
    expect(of).toHaveLength(RESERVATIONS / 4)
  }
  expect((await read()) - compared).toBeLessThan(3 * RESERVATIONS)
})

test('the settings of a read are gone with its transaction, which PostgreSQL ends if its process stands still', async () => {
  const pool = new pg.Pool({ connectionString: db.server.url, max: 1 })
  onTestFinished(() => pool.end())
  const settings = `SELECT current_setting('enable_seqscan') AS scan, current_setting('idle_in_transaction_session_timeout') AS idle`
  expect((await readByIndex(pool, settings, [])).rows).toEqual([{ scan: 'off', idle: '5s' }])
  expect((await pool.query(settings)).rows).toEqual([{ scan: 'on', idle: '0' }])
})
