import { expect, test } from 'vitest'
import { BatcherSet } from '../../../src/batching/batcher-set.js'
import { Session } from '../../../src/batching/session.js'
import { saleEffects } from '../../../src/engine/effects.js'
import type { Command, Commands } from '../../../src/engine/engine.js'
import { FakePartition } from '../../support/fake-partition.js'
import { turn } from '../../support/open-batcher.js'
import { TestClock } from '../../support/test-clock.js'

const lines = (count: number) => Array.from({ length: count }, (_, i) => [i, 1])

/** How the batches are filled by so many of the same item. */
async function batches(command: Command, op: object, count: number): Promise<number[]> {
  const partition = new FakePartition()
  const timing = new TestClock()
  const batchers = new BatcherSet<Commands>(
    partition,
    saleEffects,
    new Session('sale', { max: 10_000, open: 0 }, timing),
  )
  const limits = { deadline: 30_000 }
  for (let i = 0; i < count; i++) batchers.ask(command, op as never, limits, () => {}).catch(() => {})
  await turn()
  for (let i = 0; i < partition.calls.length; i++) {
    partition.calls[i]!.reply()
    await turn()
  }
  return partition.sizes()
}

// A batch has room for 256 lines.
test.each([
  ['reserve', { cart: [] }, 257, [256, 1]],
  ['reserve', { cart: lines(1) }, 257, [256, 1]],
  ['reserve', { cart: lines(2) }, 129, [128, 1]],
  ['reserve', { cart: lines(128) }, 3, [2, 1]],
  ['reserve', { cart: lines(256) }, 2, [1, 1]],
  ['receive', { sent: lines(1) }, 257, [256, 1]],
  ['receive', { sent: lines(64) }, 5, [4, 1]],
  ['send', { wants: [], received: [] }, 257, [256, 1]],
  ['send', { wants: lines(1), received: [] }, 129, [128, 1]],
  ['send', { wants: [], received: lines(3) }, 65, [64, 1]],
  ['send', { wants: lines(1), received: lines(2) }, 65, [64, 1]],
  ['confirm', {}, 257, [256, 1]],
] as const)('%s of %j: %i of them are sent as %j', async (command, op, count, sizes) => {
  expect(await batches(command, op, count)).toEqual(sizes)
})
