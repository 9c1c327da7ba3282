import { expect, onTestFinished, test } from 'vitest'
import { FlashSale, type SaleRules, WaitingRoom } from '../../../src/index.js'
import { contextOf } from '../../../src/sale/flash-sale.js'
import type { TimedEngine } from '../../support/engines.js'
import { askPort, roomsOf, salesOf } from '../../support/removal.js'
import { onBothEngines } from '../../support/shop.js'

const stock = { a: 1 }

onBothEngines((_, kind) => {
  const create = async ({ engine }: TimedEngine, id: string, rules: Partial<SaleRules> = {}) => {
    const sale = new FlashSale(id, { engine, deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    await sale.create({ stock, ...rules })
    return sale
  }

  test('an engine without sales and rooms lists none', async () => {
    const { engine } = await kind.make()
    expect(await salesOf(engine)).toEqual([])
    expect(await roomsOf(engine)).toEqual([])
  })

  test('each sale is listed once, with its state, and no room is among them', async () => {
    const timed = await kind.make()
    const { engine } = timed
    const createdAt = timed.now()
    await create(timed, 'open')
    await create(timed, 'open')
    await create(timed, 'later', { opensAt: createdAt + 10_000 })
    await (await create(timed, 'paused', { partitions: 3 })).pause()
    await (await create(timed, 'ended')).end()
    await create(timed, 'closed', { closesAt: createdAt + 1_000 })
    const room = new WaitingRoom('room', {
      engine,
      deadlineMs: 60_000,
      secret: 's'.repeat(32),
      ratePerSecond: 1,
    })
    onTestFinished(() => room.close())
    await room.create()
    await timed.advance(1_000)
    expect(await salesOf(engine)).toStrictEqual([
      { id: 'closed', state: 'ended', partitions: 1, createdAt },
      { id: 'ended', state: 'ended', partitions: 1, createdAt },
      { id: 'later', state: 'not_started', partitions: 1, createdAt },
      { id: 'open', state: 'open', partitions: 1, createdAt },
      { id: 'paused', state: 'paused', partitions: 3, createdAt },
    ])
  })

  test.each([1, 3])(
    'a sale of %i partitions of which one is frozen is listed as frozen',
    async (partitions) => {
      const timed = await kind.make()
      const sale = await create(timed, 'frozen', { partitions })
      const { incarnation } = contextOf(sale).client.partitions
      const last = timed.engine.partition('frozen', partitions - 1, partitions)
      const lastSeen = { generation: 1, sequence: 99, batchId: 'x' }
      await last.run('stats', [{}], { incarnation, deadline: 2 ** 52, minTime: 0, lastSeen })
      const createdAt = timed.now()
      expect(await salesOf(timed.engine)).toEqual([{ id: 'frozen', state: 'frozen', partitions, createdAt }])
      await sale.recover({ from: 'accept' })
      expect(await salesOf(timed.engine)).toEqual([{ id: 'frozen', state: 'open', partitions, createdAt }])
    },
  )

  test.each([0, 1])('a sale without its partition %i is listed as lost', async (index) => {
    const timed = await kind.make()
    const sale = await create(timed, 'lost', { partitions: 2 })
    const incarnation = contextOf(sale).client.partitions.incarnation!
    const [missing, other] = [index, 1 - index].map((i) => timed.engine.partition('lost', i, 2))
    const { rules } = await askPort(other!, 'describe', {})
    const removal = timed.engine.lifecycle!.partition('lost', index, 2)
    expect(await askPort(removal, 'erase', { incarnation })).toEqual({ status: 'erased' })
    const listed = { id: 'lost', state: 'lost', partitions: 2, createdAt: timed.now() }
    expect(await salesOf(timed.engine)).toEqual([listed])
    await askPort(missing!, 'create', { rules, incarnation: 'another', complete: true })
    expect(await salesOf(timed.engine)).toEqual([listed])
    const lastSeen = { generation: 1, sequence: 99, batchId: 'x' }
    await other!.run('stats', [{}], { incarnation, deadline: 2 ** 52, minTime: 0, lastSeen })
    expect(await salesOf(timed.engine)).toEqual([listed])
  })

  test('each room is listed once, with its state', async () => {
    const timed = await kind.make()
    const { engine } = timed
    const createdAt = timed.now()
    const sale = await create(timed, 'sale')
    const open = async (id: string, rest: { sale?: FlashSale; opensAt?: number } = {}) => {
      const given = { engine, secret: 's'.repeat(32), ratePerSecond: 1, deadlineMs: 60_000 }
      const room = new WaitingRoom(id, { ...given, ...(rest.sale && { sale: rest.sale }) })
      onTestFinished(() => room.close())
      await room.create({ opensAt: rest.opensAt })
      await room.create({ opensAt: rest.opensAt })
      return room
    }
    await open('later', { opensAt: createdAt + 1_000 })
    await open('open')
    await (await open('paused')).pause()
    await sale.end()
    const over = await open('over', { sale })
    await expect.poll(async () => (await over.stats()).state).toBe('ended')
    expect(await roomsOf(engine)).toStrictEqual([
      { id: 'later', state: 'not_open', createdAt },
      { id: 'open', state: 'open', createdAt },
      { id: 'over', state: 'ended', createdAt },
      { id: 'paused', state: 'paused', createdAt },
    ])
  })

  test('hundreds of sales are listed, and a loop may end early', async () => {
    const timed = await kind.make()
    const ids = Array.from({ length: 300 }, (_, i) => `sale ${String(i).padStart(3, '0')}`)
    for (const id of ids) await create(timed, id)
    expect((await salesOf(timed.engine)).map(({ id }) => id)).toEqual(ids)
    for await (const { id } of timed.engine.sales()) {
      expect(ids).toContain(id)
      break
    }
  })

  test('a closed engine lists nothing', async () => {
    const { engine } = await kind.make()
    await engine.close()
    await expect(salesOf(engine)).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(roomsOf(engine)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
