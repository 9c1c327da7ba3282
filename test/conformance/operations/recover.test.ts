import { expect, onTestFinished, test } from 'vitest'
import { listProcesses } from '../../../src/heartbeat/processes.js'
import { FlashSale, type RecoveryEverywhere } from '../../../src/index.js'
import type { MemoryEngine } from '../../../src/memory-engine/memory-engine.js'
import { TestRoom } from '../../support/control-room.js'
import type { RedisKind } from '../../support/engines.js'
import { pass, processesOn } from '../../support/heartbeat.js'
import { ann, operating } from '../../support/operations.js'
import { onBothEngines } from '../../support/shop.js'

onBothEngines((_, kind) => {
  /** Two processes that have sold, the loss of the sale, and a third one that has never seen it. */
  async function stage({ isWatched = false } = {}) {
    const timed = await kind.make()
    const [first, second, outside] = processesOn(timed, 3)
    const sales = [first!, second!].map(({ engine }) => {
      const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
      onTestFinished(() => sale.close())
      return sale
    })
    for (const [i, sale] of sales.entries()) {
      await sale.create({ stock: { a: 10 }, holdMs: 3_600_000 })
      const items = [{ sku: 'a', quantity: 1 }]
      expect(await sale.reserve({ buyer: `u${i}`, items, key: 'k' })).toMatchObject({ status: 'reserved' })
    }
    const room = new TestRoom(outside!.engine)
    const viewer = isWatched ? await room.watch() : undefined
    if (viewer) await expect.poll(() => viewer.last?.told.view?.sales).toHaveLength(1)
    await pass(first!, 2)
    if (kind.name === 'memory') (timed.engine as MemoryEngine).partitions.clear()
    else {
      const client = (kind as RedisKind).client()
      await client.del(...(await client.keys(`{${timed.prefix}:launch*`)))
    }
    const operations = operating(outside!.engine)
    const recover = async (waitFor: number, unfreeze?: boolean) => {
      let isOver = false
      const everywhere = { waitFor, timeoutMs: 20_000, onProgress: () => {} }
      const call = operations.recover('launch', { from: 'replay', unfreeze, everywhere }, ann).finally(() => {
        isOver = true
      })
      for (let i = 0; i < 600 && !isOver; i++) await pass(first!, 1)
      return call
    }
    return { operations, recover, sales, outside: outside!, viewer }
  }

  test('one operation, by a process that has never seen the sale: every process puts back what it knows', async () => {
    const { operations, recover, sales } = await stage()
    const { result, target } = await recover(2)
    const { processes, ...recovered } = result as RecoveryEverywhere
    expect(target).toBe('sale:launch')
    expect(recovered).toEqual({ restored: 2, refused: [], forgotten: 0, state: 'open' })
    expect(processes).toMatchObject({ lacking: 0, missing: [], resumed: true })
    expect(processes.answered.filter(({ counts }) => counts)).toHaveLength(2)
    expect((await sales[0]!.stats()).skus.a).toMatchObject({ available: 8, held: 2 })
    expect(await operations.log()).toMatchObject([
      {
        ...{
          operation: 'recover',
          outcome: 'done',
          arguments: { from: 'replay', waitFor: 2, timeoutMs: 20_000 },
        },
        result: { restored: 2, refused: 0, forgotten: 0, state: 'open', resumed: true, missing: [] },
      },
    ])
  })

  test('a process that is missing: the sale stays frozen, unless it is to go on', async () => {
    const { operations, recover } = await stage()
    const waited = (await recover(3)).result as RecoveryEverywhere
    expect(waited.processes).toMatchObject({ lacking: 1, resumed: false })
    expect(await operations.show('sale:launch')).toMatchObject({
      ...{ state: 'frozen', problem: { code: 'ROLLBACK_DETECTED' } },
      skus: { a: { total: 10, held: 2 } },
    })
    const resumed = (await recover(3, true)).result as RecoveryEverywhere
    expect(resumed.processes).toMatchObject({ resumed: true })
    expect(await operations.show('sale:launch')).toMatchObject({ state: 'open' })
  })

  test('a control room with an open page is no process that sells: no recovery waits for it, or counts it', async () => {
    const { recover, outside, viewer } = await stage({ isWatched: true })
    expect(await listProcesses(outside.engine)).toHaveLength(2)
    const { processes } = (await recover(3)).result as RecoveryEverywhere
    expect(processes.answered.filter(({ counts }) => counts)).toHaveLength(2)
    expect(processes).toMatchObject({ lacking: 1, missing: [], resumed: false })
    await viewer!.leave()
  })
})
