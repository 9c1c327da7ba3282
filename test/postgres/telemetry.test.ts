import { expect, test } from 'vitest'
import { onBothEngines } from '../support/shop.js'
import { Told } from '../support/telemetry.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()

onBothEngines((open, kind) => {
  test('what a ledger writes is told, and that it failed to', async () => {
    const id = `told-ledger-${kind.name}`
    const shop = await open({ stock: { a: 10 } }, id)
    const told = new Told(id)
    for (const buyer of ['u', 'v']) await shop.confirmed(buyer)
    const ledger = await TestLedger.open(db)
    await ledger.follow(shop.sale)
    const written = () => told.ledgers.filter((message) => message.type === 'written')
    await expect.poll(() => written().reduce((sum, { events }) => sum + events, 0)).toBe(4)
    expect(written().at(-1)).toMatchObject({
      sale: id,
      partition: 0,
      position: 4,
      latest: 4,
      lag: 0,
      lost: 0,
    })
    await ledger.sql('ALTER TABLE $schema.events RENAME TO gone')
    await shop.hold('w')
    await expect.poll(() => told.ledgers.at(-1)).toMatchObject({ type: 'failed', sale: id, partition: 0 })
    await ledger.sql('ALTER TABLE $schema.gone RENAME TO events')
    await expect.poll(() => told.ledgers.at(-1)).toMatchObject({ type: 'written', events: 1, position: 5 })
  })
})
