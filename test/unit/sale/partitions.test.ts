import { expect, test } from 'vitest'
import type { Engine } from '../../../src/engine/engine.js'
import { mintId, Partitions } from '../../../src/sale/partitions.js'
import { TestClock } from '../../support/test-clock.js'

const clock = new TestClock()

function opened(max = 100) {
  const ports: string[] = []
  const port = (kind: string) => (sale: string, index: number, count: number) => {
    ports.push(`${kind} ${sale} ${index}/${count}`)
    return {
      ready: () => undefined,
      run: async (
        _: string,
        ops: readonly object[],
        { incarnation: token, bypassFreeze }: { incarnation: string; bypassFreeze: boolean },
      ) => ({
        ...{ outcome: 'done', now: 0, clock: 0, sequence: 0 },
        answers: ops.map(() => ({ status: 'answered', index, count, incarnation: token, bypassFreeze })),
      }),
    }
  }
  const engine = { clock, partition: port('sale'), groups: port('handoff') }
  const partitions = new Partitions(engine as unknown as Engine, 'launch', max)
  const limits = { deadline: 10_000 }
  const ask = (index: number) => partitions.at(index).ask('stats', {}, limits, (answer) => answer)
  const part = (index: number) => partitions.parts.ask(index, 'stats', {}, limits, (answer) => answer)
  const handoff = (index: number) => partitions.groups(index).ask('groups', {}, limits, (answer) => answer)
  return { partitions, ports, ask, part, handoff, limits }
}

test('where the sale has another count than was thought, all but the first partition are others', async () => {
  const { partitions, ports, ask, part, handoff } = opened()
  partitions.count = 4
  const sessions = [0, 1, 3].map((index) => partitions.session(index))
  for (const index of [0, 1, 3]) {
    await ask(index)
    await part(index)
    await handoff(index)
  }
  expect(ports).toHaveLength(9)
  ports.length = 0
  partitions.count = 4
  expect(await ask(3)).toMatchObject({ index: 3, count: 4 })
  partitions.count = 2
  expect(partitions.session(0)).toBe(sessions[0])
  expect(partitions.session(1)).not.toBe(sessions[1])
  for (const answer of [await ask(0), await part(0), await handoff(0)])
    expect(answer).toMatchObject({ index: 0, count: 4 })
  expect(ports).toEqual([])
  for (const answer of [await ask(1), await part(1), await handoff(1)])
    expect(answer).toMatchObject({ index: 1, count: 2 })
  expect(ports).toEqual(['sale launch 1/2', 'sale launch 1/2', 'handoff launch 1/2'])
})

test('every partition is asked by the token, whenever that became known', async () => {
  const { partitions, ask } = opened()
  partitions.count = 3
  expect(await ask(2)).toMatchObject({ incarnation: null })
  partitions.incarnation = 'the token'
  expect(partitions.incarnation).toBe('the token')
  for (const index of [0, 1, 2]) expect(await ask(index)).toMatchObject({ incarnation: 'the token' })
  expect(partitions.parts.count).toBe(3)
})

test('a partition is named where there are several', () => {
  const { partitions } = opened()
  const nameOf = (index: number) => partitions.session(index).history.error('lost').message.split(' has ')[0]
  expect(nameOf(0)).toBe('the sale "launch"')
  partitions.count = 2
  expect(nameOf(1)).toBe('partition 1 of the sale "launch"')
})

test('what recovers says so, by sessions of its own, one a partition', async () => {
  const { partitions, ask, limits } = opened()
  partitions.count = 2
  partitions.incarnation = 'the token'
  const parts = partitions.recovering()
  expect(parts.count).toBe(2)
  expect(parts.session(1)).toBe(parts.session(1))
  expect(parts.session(1)).not.toBe(partitions.session(1))
  const answer = await parts.ask(1, 'stats', {}, limits, (each) => each)
  expect(answer).toMatchObject({ index: 1, bypassFreeze: true, incarnation: 'the token' })
  expect(await ask(1)).toMatchObject({ bypassFreeze: false })
})

test('a call of several partitions is counted once, its parts are not, and one that goes on always has room', async () => {
  const { partitions, ask, part, limits } = opened(1)
  partitions.acquire()
  await expect(ask(0)).rejects.toMatchObject({ code: 'OVERLOADED' })
  expect(() => partitions.acquire()).toThrow(expect.objectContaining({ code: 'OVERLOADED' }))
  expect(await part(0)).toMatchObject({ index: 0 })
  expect(await partitions.recovering().ask(0, 'stats', {}, limits, (each) => each)).toMatchObject({
    index: 0,
  })
  partitions.acquireUnchecked()
  partitions.release()
  await expect(ask(0)).rejects.toMatchObject({ code: 'OVERLOADED' })
  partitions.release()
  expect(await ask(0)).toMatchObject({ index: 0 })
})

test('ids are unlike each other, however many are drawn', () => {
  const ids = new Set(Array.from({ length: 2_000 }, () => mintId('token', 'u', 4)))
  expect(ids.size).toBe(2_000)
  for (const id of ids) expect(id).toMatch(/^[\w-]{19}$/)
})
