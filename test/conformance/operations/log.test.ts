import { expect, test } from 'vitest'
import { KEPT_ENTRIES, type OperationsLogCommands } from '../../../src/engine/operations-log.js'
import type { TimedEngine } from '../../support/engines.js'
import { anyTime, onBothEngines } from '../../support/shop.js'

type C = keyof OperationsLogCommands

async function ask<N extends C>(
  { engine }: TimedEngine,
  command: N,
  ops: readonly OperationsLogCommands[N]['op'][],
  deadline = anyTime.deadline,
): Promise<readonly OperationsLogCommands[N]['answer'][]> {
  const port = engine.operationsLog!
  await port.ready()
  const reply = await port.run(command, ops, { incarnation: null, ...anyTime, deadline })
  if (reply.outcome !== 'done') expect.fail(reply.outcome)
  return reply.answers
}

const begin = (id: string, begun = `begun ${id}`) => ({ id, begun, ended: null })
const end = (id: string, ended = `ended ${id}`) => ({ id, begun: `begun ${id}`, ended })
const written = { status: 'written' }
const read = async (timed: TimedEngine, before: number | null = null, limit = 10) => {
  const [page] = await ask(timed, 'read', [{ before, limit }])
  return page!.status === 'read' ? page!.entries : expect.fail(page!.status)
}

onBothEngines((_, kind) => {
  test('an empty log has no entries', async () => {
    expect(await read(await kind.make())).toEqual([])
  })

  test('an entry is written with its beginning and then with its outcome, each once', async () => {
    const timed = await kind.make()
    const at = timed.now()
    expect(await ask(timed, 'write', [begin('a')])).toEqual([written])
    const begun = { id: 'a', number: 1, begun: 'begun a', begunAt: at, ended: null, endedAt: null }
    expect(await read(timed)).toEqual([begun])
    await timed.advance(5)
    for (const again of [begin('a', 'other'), end('a'), end('a', 'other'), begin('a')])
      expect(await ask(timed, 'write', [again])).toEqual([written])
    await timed.advance(5)
    expect(await ask(timed, 'write', [end('a', 'later')])).toEqual([written])
    expect(await read(timed)).toEqual([{ ...begun, ended: 'ended a', endedAt: at + 5 }])
  })

  test('an outcome whose beginning was not written makes the whole entry', async () => {
    const timed = await kind.make()
    await ask(timed, 'write', [end('a', '')])
    const [entry] = await read(timed)
    expect(entry).toEqual({
      ...{ id: 'a', number: 1, begun: 'begun a', ended: '' },
      ...{ begunAt: timed.now(), endedAt: timed.now() },
    })
  })

  test('the latest come first, and pages are read below a number', async () => {
    const timed = await kind.make()
    await ask(
      timed,
      'write',
      ['a', 'b', 'c', 'd', 'e'].map((id) => begin(id)),
    )
    const ids = async (before: number | null, limit: number) =>
      (await read(timed, before, limit)).map(({ id, number }) => `${number}${id}`)
    expect(await ids(null, 2)).toEqual(['5e', '4d'])
    expect(await ids(4, 2)).toEqual(['3c', '2b'])
    expect(await ids(2, 2)).toEqual(['1a'])
    expect(await ids(1, 2)).toEqual([])
  })

  test('after its deadline a call writes nothing new, and confirms what was written', async () => {
    const timed = await kind.make()
    await ask(timed, 'write', [begin('a'), end('b')])
    const late = [begin('a'), end('a'), end('b'), begin('c')]
    expect(await ask(timed, 'write', late, timed.now() - 1)).toEqual([
      written,
      { status: 'retry' },
      written,
      { status: 'retry' },
    ])
    expect((await read(timed)).map(({ id, ended }) => [id, ended])).toEqual([
      ['b', 'ended b'],
      ['a', null],
    ])
  })

  test('only the latest entries are kept, and numbers go on', async () => {
    const timed = await kind.make()
    const ids = Array.from({ length: KEPT_ENTRIES + 3 }, (_, i) => `e${i + 1}`)
    await ask(
      timed,
      'write',
      ids.map((id) => begin(id)),
    )
    const kept = await read(timed, null, KEPT_ENTRIES + 10)
    expect(kept.map(({ number }) => number)).toEqual(
      Array.from({ length: KEPT_ENTRIES }, (_, i) => KEPT_ENTRIES + 3 - i),
    )
    // An outcome does not make an entry a later one.
    await ask(timed, 'write', [end('e4'), begin('new')])
    const after = await read(timed, null, KEPT_ENTRIES + 10)
    expect([after.length, after[0]!.number, after.at(-1)!.id]).toEqual([KEPT_ENTRIES, KEPT_ENTRIES + 4, 'e5'])
  })

  test('texts of any content come back as they were', async () => {
    const timed = await kind.make()
    const hostile = '\u0000"{}\n🥭\u2028\u001b[31m'
    await ask(timed, 'write', [{ id: 'x', begun: hostile, ended: hostile.repeat(100) }])
    expect(await read(timed)).toMatchObject([{ begun: hostile, ended: hostile.repeat(100) }])
  })
})
