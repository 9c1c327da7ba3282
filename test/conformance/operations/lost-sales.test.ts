import { expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../../src/index.js'
import { MemoryEngine } from '../../../src/memory-engine/memory-engine.js'
import type { EngineKind, RedisKind, TimedEngine } from '../../support/engines.js'
import { pass, processesOn } from '../../support/heartbeat.js'
import { ann, operating } from '../../support/operations.js'
import { removingBy } from '../../support/removal.js'
import { faultOf } from '../../support/secrets.js'
import { onBothEngines } from '../../support/shop.js'

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
  Object.assign(memory, { index: empty.index, heartbeats: empty.heartbeats })
}

onBothEngines((_, kind) => {
  /** A process that sells, and another one that has never seen its sales. */
  async function stage() {
    const timed = await kind.make()
    const [selling, outside] = processesOn(timed, 2)
    const open = async (id: string, partitions = 1) => {
      const sale = new FlashSale(id, { engine: selling!.engine })
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
    const other = new FlashSale('launch', { engine: outside.engine })
    onTestFinished(() => other.close())
    await other.create({ stock: { a: 2 } })
    expect(await listed()).toEqual([['launch', 'open', false]])
    expect(await operations.show('launch')).toMatchObject({ state: 'open' })
    await other.end()
    await other.destroy()
    await sale.close()
    expect(await listed()).toEqual([])
  })

  test('a sale that was removed, and one that a process has opened and never found, are not lost', async () => {
    const { open, operations, listed, lose, selling } = await stage()
    const removed = await open('removed')
    const byAnother = await open('removed by another')
    const unseen = new FlashSale('unseen', { engine: selling.engine })
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
