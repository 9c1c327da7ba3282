import { expect, onTestFinished, test, vi } from 'vitest'
import { type Engine, FlashSale, WaitingRoom } from '../../../src/index.js'
import { MemoryEngine } from '../../../src/memory-engine/memory-engine.js'
import { contextOf } from '../../../src/sale/flash-sale.js'
import { TestRoom } from '../../support/control-room.js'
import type { EngineKind, RedisKind, TimedEngine } from '../../support/engines.js'
import { pass, processesOn } from '../../support/heartbeat.js'
import { ann, operating } from '../../support/operations.js'
import { removingBy } from '../../support/removal.js'
import { faultOf } from '../../support/secrets.js'
import { anyTime, onBothEngines } from '../../support/shop.js'
import { wrapped } from '../../support/wrapped-engine.js'

/** What a `FLUSHALL` leaves of a prefix. */
async function flush(kind: EngineKind, { engine, prefix }: TimedEngine): Promise<void> {
  if (kind.name === 'redis') {
    const client = (kind as RedisKind).client()
    await client.del(...(await client.keys(`*${prefix}:*`)))
    return
  }
  const memory = engine as MemoryEngine
  const empty = new MemoryEngine(Date.now, () => 0)
  memory.partitions.clear()
  memory.machines.clear()
  Object.assign(memory, { index: empty.index, heartbeats: empty.heartbeats })
}

onBothEngines((_, kind) => {
  /** A process that sells, and another one that has never seen its sales. */
  async function stage() {
    const timed = await kind.make()
    const [selling, outside] = processesOn(timed, 2)
    const open = async (id: string, partitions = 1) => {
      const sale = new FlashSale(id, { engine: selling!.engine, deadlineMs: 60_000 })
      onTestFinished(() => sale.close())
      await sale.create({ stock: { a: 1 }, partitions })
      return sale
    }
    const operations = operating(outside!.engine)
    const listed = async () =>
      (await operations.list()).map(({ id, state, createdAt }) => [id, state, createdAt === null])
    const lose = async () => {
      await flush(kind, timed)
      await pass(selling!, 3)
    }
    return { timed, outside: outside!, open, operations, listed, lose, selling: selling! }
  }

  test('a sale that Redis has forgotten, with its index, is listed and shown as lost while a process knows it', async () => {
    const { open, operations, listed, lose, outside } = await stage()
    const sale = await open('launch', 3)
    expect(await listed()).toEqual([['launch', 'open', false]])
    await lose()
    expect(await listed()).toEqual([['launch', 'lost', true]])
    expect(await operations.show('launch')).toMatchObject({
      ...{ kind: 'sale', id: 'launch', state: 'lost', rules: null, skus: null },
      problem: { code: 'STATE_LOST' },
    })
    const asked: string[] = []
    const watched = removingBy(outside.engine, (command) => {
      asked.push(command)
      return 'answered'
    })
    const { heartbeat } = outside.engine
    await faultOf(operating({ ...watched, heartbeat }).show('unknown'), 'NOT_FOUND')
    expect(asked).not.toContain('inspect')
    // Another sale of the name is what an operator has to do with.
    const other = new FlashSale('launch', { engine: outside.engine, deadlineMs: 60_000 })
    onTestFinished(() => other.close())
    await other.create({ stock: { a: 2 } })
    expect(await listed()).toEqual([['launch', 'open', false]])
    expect(await operations.show('launch')).toMatchObject({ state: 'open' })
    await other.end()
    await other.destroy()
    await sale.close()
    expect(await listed()).toEqual([])
  })

  test('what is done to a lost sale, or room, is refused as lost, by an operator who has never seen it', async () => {
    const { open, operations, lose, selling } = await stage()
    await open('launch', 3)
    const options = { engine: selling.engine, secret: 's'.repeat(32), ratePerSecond: 5 }
    const room = new WaitingRoom('door', options)
    onTestFinished(() => room.close())
    await room.create()
    await lose()
    const stock = { sku: 'a', quantity: 1, key: 'k' }
    const ofSale = [
      () => operations.pause('launch', ann),
      () => operations.end('sale:launch', ann),
      () => operations.restock('launch', stock, ann),
      () => operations.destroy('launch', {}, ann),
      () => operations.audit('launch'),
      () => operations.groups('launch'),
      () => operations.find('launch', { buyer: 'u' }),
      () => operations.recover('launch', { from: 'accept' }, ann),
    ]
    for (const act of ofSale)
      expect((await faultOf(act(), 'STATE_LOST')).message).toContain('the sale "launch"')
    const ofRoom = [
      () => operations.pause('room:door', ann),
      () => operations.rate('door', { perSecond: 1 }, ann),
      () => operations.block('door', 'u', ann),
    ]
    for (const act of ofRoom)
      expect((await faultOf(act(), 'STATE_LOST')).message).toContain('the waiting room "door"')
    const everywhere = { waitFor: 1, timeoutMs: 1_000 }
    const replay = { from: 'replay', everywhere } as const
    for (const name of ['room:door', 'door']) {
      const refused = operations.recover(name, replay, ann).catch((error) => error)
      await pass(selling, 4)
      expect(await refused, name).toMatchObject({
        ...{ code: 'STATE_LOST', message: expect.stringContaining('the waiting room "door"') },
      })
    }
    await faultOf(operations.pause('lanch', ann), 'NOT_FOUND')
  })

  test('a waiting room that Redis has forgotten is listed and shown as lost, until another one is created', async () => {
    const { selling, operations, lose } = await stage()
    const options = { engine: selling.engine, secret: 's'.repeat(32), ratePerSecond: 5 }
    const [room, unseen] = ['door', 'unseen'].map((id) => new WaitingRoom(id, options))
    onTestFinished(() => Promise.all([room!.close(), unseen!.close()]).then(() => {}))
    await room!.create()
    expect(await operations.list()).toMatchObject([{ kind: 'room', id: 'door', state: 'open' }])
    await lose()
    expect(await operations.list()).toEqual([{ kind: 'room', id: 'door', state: 'lost', createdAt: null }])
    const shown = { kind: 'room', id: 'door', state: 'lost', problem: { code: 'STATE_LOST' }, stats: null }
    expect(await operations.show('door')).toMatchObject(shown)
    await new WaitingRoom('door', options).create()
    expect(await operations.list()).toMatchObject([{ kind: 'room', id: 'door', state: 'open' }])
  })

  /** The engine of an operator, and how often all sales, and all rooms, were listed by it. */
  function counted(engine: Engine) {
    const lists = { sales: 0, rooms: 0 }
    const sales = () => {
      lists.sales++
      return engine.sales()
    }
    const rooms = () => {
      lists.rooms++
      return engine.rooms()
    }
    return { engine: wrapped(engine, { sales, rooms, heartbeat: engine.heartbeat }), lists }
  }

  /** Three sales with a waiting room each, which lose a partition and are frozen in another one. */
  async function unreadable() {
    const { timed, open, outside, selling } = await stage()
    const { engine, lists } = counted(outside.engine)
    const incarnations: string[] = []
    for (const id of ['a', 'b', 'c']) {
      const sale = await open(id, 3)
      incarnations.push(contextOf(sale).client.partitions.incarnation!)
      const options = { engine: selling.engine, secret: 's'.repeat(32), ratePerSecond: 5, sale }
      const room = new WaitingRoom(`door of ${id}`, options)
      onTestFinished(() => room.close())
      await room.create()
    }
    const lose = async (partition: number) => {
      for (const [i, id] of ['a', 'b', 'c'].entries()) {
        const lastSeen = { generation: 9, sequence: 1, batchId: 'x' }
        const call = { incarnation: incarnations[i]!, ...anyTime, lastSeen }
        await timed.engine.partition(id, 1, 3).run('stats', [{}], call)
        if (kind.name === 'memory') (timed.engine as MemoryEngine).partitions.delete(`${partition}:${id}`)
        else {
          const client = (kind as RedisKind).client()
          await client.del(...(await client.keys(`{${timed.prefix}:${id}:${partition}*`)))
        }
      }
    }
    return { engine, lists, lose }
  }

  test('a sale or room that an operator has seen is shown without a list when it cannot be read', async () => {
    const { engine, lists, lose } = await unreadable()
    const operations = operating(engine)
    for (const id of ['a', 'b', 'c']) {
      await operations.show(`sale:${id}`)
      await operations.show(`room:door of ${id}`)
    }
    await lose(2)
    for (const id of ['a', 'b', 'c']) {
      expect(await operations.show(`sale:${id}`)).toMatchObject({ state: 'lost', skus: null })
      expect(await operations.show(`room:door of ${id}`)).toMatchObject({ state: 'open', stats: null })
    }
    expect(lists).toEqual({ sales: 0, rooms: 0 })
  })

  test.each([0, 2])(
    'a control room lists once, whatever it cannot read: partition %i is lost',
    async (partition) => {
      const { engine, lists, lose } = await unreadable()
      await lose(partition)
      const { view } = await new TestRoom(engine).snapshot()
      expect(view!.sales.map(({ id, state }) => [id, state]).sort()).toEqual(
        ['a', 'b', 'c'].map((id) => [id, 'lost']),
      )
      expect(view!.rooms.map(({ state, stats }) => [state, stats])).toEqual(
        [1, 2, 3].map(() => ['open', null]),
      )
      expect(lists).toEqual({ sales: 1, rooms: 1 })
    },
  )

  test('a waiting room whose sale is lost is not lost itself', async () => {
    const { timed, selling, open, operations } = await stage()
    const sale = await open('launch')
    const secret = 's'.repeat(32)
    const room = new WaitingRoom('door', {
      engine: selling.engine,
      deadlineMs: 60_000,
      secret,
      ratePerSecond: 5,
      sale,
    })
    onTestFinished(() => room.close())
    await room.create()
    await operations.show('door')
    if (kind.name === 'memory') (timed.engine as MemoryEngine).partitions.delete('0:launch')
    else {
      const client = (kind as RedisKind).client()
      await client.del(...(await client.keys(`{${timed.prefix}:launch:0}*`)))
    }
    expect(await operations.show('door')).toMatchObject({
      ...{ kind: 'room', state: 'open', sale: 'launch', stats: null },
      problem: { code: 'STATE_LOST', message: expect.stringContaining('launch') },
    })
  })

  test('a sale of which a partition is lost, and another one frozen, is lost in the list and by itself', async () => {
    const { timed, open, operations, listed } = await stage()
    const { incarnation } = contextOf(await open('launch', 3)).client.partitions
    const lastSeen = { generation: 9, sequence: 1, batchId: 'x' }
    const call = { incarnation, deadline: Number.MAX_SAFE_INTEGER, minTime: 0, lastSeen }
    expect(await timed.engine.partition('launch', 0, 3).run('stats', [{}], call)).toMatchObject({
      outcome: 'rolled_back',
    })
    expect(await operations.show('launch')).toMatchObject({ state: 'frozen' })
    if (kind.name === 'memory') (timed.engine as MemoryEngine).partitions.delete('1:launch')
    else {
      const client = (kind as RedisKind).client()
      await client.del(...(await client.keys(`{${timed.prefix}:launch:1:*`)))
    }
    expect(await listed()).toEqual([['launch', 'lost', false]])
    expect(await operations.show('launch')).toMatchObject({ state: 'lost' })
  })

  test('to recover a sale that neither Redis nor a process knows is refused, whatever the time for it', async () => {
    const { open, operations, lose, selling } = await stage()
    await open('launch')
    const unused = new FlashSale('unused', { engine: selling.engine, deadlineMs: 60_000 })
    onTestFinished(() => unused.close())
    const everywhere = { waitFor: 1, timeoutMs: 3_600_000 }
    const refused = async () => {
      const answer = operations.recover('lanch', { from: 'replay', everywhere }, ann).catch((error) => error)
      await pass(selling, 10)
      expect(await answer).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('lanch') })
    }
    await refused()
    await lose()
    await refused()
    expect(await operations.log()).toEqual([])
  })

  test('a process with more sales than it tells may know one that it does not tell', async () => {
    const { open, operations, lose, selling } = await stage()
    const unused = Array.from(
      { length: 50 },
      (_, i) => new FlashSale(`${i}`, { engine: selling.engine, deadlineMs: 60_000 }),
    )
    onTestFinished(() => Promise.all(unused.map((sale) => sale.close())).then(() => {}))
    await open('launch')
    await lose()
    const everywhere = { waitFor: 1, timeoutMs: 20_000 }
    const answer = operations.recover('launch', { from: 'replay', everywhere }, ann)
    const ended = vi.fn()
    answer.then(ended, ended)
    for (let i = 0; i < 60 && ended.mock.calls.length === 0; i++) await pass(selling, 1)
    expect(await answer).toMatchObject({ operation: 'recover', target: 'sale:launch' })
  })

  test('a waiting room that was removed is not lost', async () => {
    const { selling, outside, listed, lose } = await stage()
    const options = { secret: 's'.repeat(32), ratePerSecond: 5 }
    const opened = (id: string, { engine } = selling) => {
      const room = new WaitingRoom(id, { ...options, engine })
      onTestFinished(() => room.close())
      return room
    }
    const [removed, byAnother] = ['removed', 'removed by another'].map((id) => opened(id))
    await removed!.create()
    await byAnother!.create()
    await removed!.destroy()
    await opened('removed by another', outside).destroy()
    await faultOf(byAnother!.stats(), 'NOT_FOUND')
    await lose()
    expect(await listed()).toEqual([])
  })

  test('a sale that was removed, and one that a process has opened and never found, are not lost', async () => {
    const { open, operations, listed, lose, selling } = await stage()
    const removed = await open('removed')
    const byAnother = await open('removed by another')
    const unseen = new FlashSale('unseen', { engine: selling.engine, deadlineMs: 60_000 })
    onTestFinished(() => unseen.close())
    await removed.end()
    await removed.destroy()
    await byAnother.end()
    await operations.destroy('removed by another', {}, ann)
    await faultOf(byAnother.stats(), 'NOT_FOUND')
    await pass(selling, 2)
    expect(await listed()).toEqual([])
    await faultOf(operations.show('removed'), 'NOT_FOUND')
    await lose()
    // The index has forgotten them too; a process that has heard of the removal has not.
    expect(await listed()).toEqual([])
  })
})
