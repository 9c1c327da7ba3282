import { expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../src/index.js'
import { memoryEngine } from '../../src/memory-engine/memory-engine.js'
import { arrayOf, fromText, toText } from '../../src/postgres/text.js'
import { postgresLedger } from '../../src/postgres.js'
import { sourceOf } from '../../src/sale/flash-sale.js'
import { faultOf } from '../support/secrets.js'
import { onBothEngines } from '../support/shop.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()

async function small(id = 'x') {
  const sale = new FlashSale(id, { engine: memoryEngine(), deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  await sale.create({ stock: { a: 10 } })
  return sale
}

test('migrate: many at once, again, and with any name', async () => {
  for (const name of ['Semi;colon', 'quote"d', 'select', 'ü.x', 'x'.repeat(63)]) {
    const ledgers = Array.from({ length: 4 }, () => new TestLedger(db.pool, name))
    await Promise.all(ledgers.map(({ ledger }) => ledger.migrate()))
    await ledgers[0]!.ledger.migrate()
    expect(await ledgers[0]!.column('migrations', 'version')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    const sale = await small()
    await sale.reserve({ buyer: 'u', items: [{ sku: 'a', quantity: 3 }] })
    await ledgers[0]!.agrees(sale)
    expect(
      await ledgers[0]!.sql('SELECT sku, sum(quantity)::int AS units FROM $schema.lines GROUP BY sku'),
    ).toEqual([{ sku: 'a', units: 3 }])
  }
})

test('tables of a later version are left alone', async () => {
  const ledger = await TestLedger.open(db)
  await ledger.sql('INSERT INTO $schema.migrations (version) VALUES (99)')
  await faultOf(ledger.ledger.migrate(), 'UNSAFE_CONFIG')
})

test('every table and column that needs it has a comment for readers in SQL', async () => {
  const ledger = await TestLedger.open(db)
  const rows = await ledger.sql(
    `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'v') AND c.relname <> 'migrations' AND obj_description(c.oid) IS NULL`,
    [ledger.schema],
  )
  expect(rows).toEqual([])
})

test('what cannot be is INVALID_ARGUMENT', async () => {
  const make = (schema: unknown) => () => postgresLedger(db.pool, { schema: schema as string })
  for (const schema of ['', 'x'.repeat(64), 'a\0', 'pg_x', 5]) expect(make(schema)).toThrow('schema must')
  expect(() => postgresLedger({} as never)).toThrow('pool must')
  const ledger = await TestLedger.open(db)
  const sale = await small()
  await faultOf(ledger.ledger.follow(sale, { group: '' }), 'INVALID_ARGUMENT')
  await faultOf(ledger.ledger.follow(sale, { maxEvents: 0 }), 'INVALID_ARGUMENT')
  await faultOf(ledger.ledger.follow(sale, { maxPauseMs: 1 }), 'INVALID_ARGUMENT')
  await faultOf(ledger.ledger.follow(sale, { onError: 5 as never }), 'INVALID_ARGUMENT')
  await faultOf(ledger.ledger.reconcile(sale, { repair: 1 as never }), 'INVALID_ARGUMENT')
  await faultOf(postgresLedger(db.pool, { schema: 'nothing_here' }).follow(sale), 'UNSAFE_CONFIG')
})

test('text: whatever goes in comes out', () => {
  for (const text of ['', 'a', '\0', '\u2400', '\u24000', '\0\u2400', '\u2400\u2400\0', '0'])
    expect(fromText(toText(text))).toBe(text)
  expect(toText('\0')).not.toContain('\0')
  expect(toText('plain')).toBe('plain')
})

test('arrays arrive as they are', async () => {
  const texts = ['', 'NULL', 'null', 'a,b', '{x}', ' y ', '"', '\\', '\\"', "'", 'a"b\\c\n', '🦊', null]
  const numbers = [0, -1, Number.MAX_SAFE_INTEGER, null]
  const { rows } = await db.pool.query(
    `SELECT $1::text[] AS texts, ARRAY(SELECT value::text FROM unnest($2::bigint[]) AS value) AS numbers,
      $3::bool[] AS flags, $4::text[] AS none`,
    [texts, numbers, [true, null, false], []].map(arrayOf),
  )
  const [{ none, ...found }] = rows
  expect(found).toEqual({
    texts,
    numbers: numbers.map((value) => value?.toString() ?? null),
    flags: [true, null, false],
  })
  expect(none).toEqual([])
})

onBothEngines((open) => {
  test('two followers at once write each event once; stats say where they are', async () => {
    const shop = await open({ stock: { a: 1_000 }, holdMs: 60_000, partitions: 2 })
    const ledger = await TestLedger.open(db)
    const first = await ledger.follow(shop.sale)
    const second = await ledger.follow(shop.handle())
    await Promise.all(Array.from({ length: 300 }, (_, i) => shop.hold(`u-${i}`)))
    await ledger.agrees(shop.sale)
    const { partitions } = await first.stats()
    for (const { lag, lost, position } of partitions) expect([lag, lost, position > 0]).toEqual([0, 0, true])
    const sum = (of: readonly { readonly written: number }[]) => of.reduce((n, { written }) => n + written, 0)
    // What agrees() wrote itself counts for the first one's handle. Of the last batch a follower
    // may hear after others see it.
    const written = async () => sum((await first.stats()).partitions) + sum((await second.stats()).partitions)
    await expect.poll(written).toBe(partitions.reduce((n, { position }) => n + position, 0))
    await first.close()
    await second.close()
    expect(ledger.errors).toEqual([])
  })

  test('the stream is trimmed behind the ledger, and never before it', async () => {
    const shop = await open({ stock: { a: 1_000 }, holdMs: 1_000, maxHoldMs: 1_000 })
    const ledger = await TestLedger.open(db)
    for (let i = 0; i < 5; i++) await shop.hold(`u-${i}`)
    await shop.advance(5_000)
    await shop.sale.stats()
    const groups = async () => await sourceOf(shop.sale).ask(0, 'groups', {})
    expect(await groups()).toMatchObject({ first: 1, groups: [] })
    const follower = await ledger.follow(shop.sale)
    await expect.poll(async () => (await groups()).first).toBeGreaterThan(5)
    expect((await groups()).groups).toMatchObject([{ group: `ledger:${ledger.schema}`, position: 10 }])
    await follower.close()
    await shop.hold('late')
    await shop.advance(5_000)
    await ledger.agrees(shop.sale)
  })
})
