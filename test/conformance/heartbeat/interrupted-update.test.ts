import { expect, onTestFinished, test } from 'vitest'
import { type Engine, FlashSale } from '../../../src/index.js'
import { pass, processesOn } from '../../support/heartbeat.js'
import { onBothEngines } from '../../support/shop.js'
import { withPartitions } from '../../support/wrapped-engine.js'

/** The revision of the rules by which each partition decides. */
async function revisionsOf(engine: Engine, partitions: number): Promise<(number | undefined)[]> {
  const call = { incarnation: null, deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
  const revisions: (number | undefined)[] = []
  for (let index = 0; index < partitions; index++) {
    const partition = engine.partition('launch', index, partitions)
    await partition.ready()
    const reply = await partition.run('describe', [{}], call)
    if (reply.outcome !== 'done') expect.fail(reply.outcome)
    revisions.push(reply.answers[0]!.present.revision)
  }
  return revisions
}

onBothEngines((_, kind) => {
  test('an update whose process has died is completed by a process that makes no calls', async () => {
    const timed = await kind.make()
    const [one, quiet] = processesOn(timed, 2)
    const dying = withPartitions(one!.engine, (port, index) => ({
      run: (command, ops, call) =>
        command === 'update' && index > 0 ? new Promise(() => {}) : port.run(command, ops, call),
    }))
    const sales = [dying, quiet!.engine].map((engine) => new FlashSale('launch', { engine }))
    for (const sale of sales) onTestFinished(() => sale.close())
    await sales[0]!.create({ stock: { mango: 10 }, limitPerBuyer: 1, partitions: 4 })
    await sales[1]!.rules()
    await pass(one!, 11)
    const updating = sales[0]!.update({ limitPerBuyer: 2 })
    updating.catch(() => {})
    await pass(one!, 3)
    await expect(updating).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' })
    expect(await revisionsOf(timed.engine, 4)).toEqual([1, 0, 0, 0])
    await sales[0]!.close()
    await pass(one!, 30)
    expect(await revisionsOf(timed.engine, 4)).toEqual([1, 1, 1, 1])
  })
})
