import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../src/index.js'
import { changes, changing } from '../support/changes.js'
import { redisKind } from '../support/engines.js'
import { Shop } from '../support/shop.js'
import { drop } from '../support/snapshot.js'
import { database } from './support/database.js'
import { TestLedger } from './support/ledgers.js'

const db = database()
const kind = redisKind()
beforeAll(kind.start)
afterAll(kind.stop)

describe.each([1, 4])('with %i partitions', (partitions) => {
  test.each(Object.entries(changes))(
    '%s is there when a process that never saw the sale rebuilds it from the ledger',
    async (_, { rules, begin }) => {
      const shop = new Shop(await kind.make(), 'launch')
      await shop.sale.create({ ...changing, ...rules, partitions })
      const ledger = await TestLedger.open(db)
      await ledger.follow(shop.sale)
      const { call, isDone } = await begin(shop.sale)
      await call(shop.sale)
      await ledger.agrees(shop.sale)
      await ledger.stopFollowing()
      await drop(kind.client(), '*:launch:*')
      const other = new FlashSale('launch', { engine: shop.clock.engine, deadlineMs: 60_000 })
      onTestFinished(() => other.close())
      expect(await other.recover({ from: ledger.ledger })).toMatchObject({ refused: [], forgotten: 0 })
      await isDone(other)
      expect((await other.audit()).violations).toEqual([])
      await ledger.follow(other)
      await ledger.agrees(other)
      expect(ledger.errors).toEqual([])
    },
  )
})
