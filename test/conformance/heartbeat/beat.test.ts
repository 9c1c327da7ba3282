import { expect, test } from 'vitest'
import { CROWDED_MS, FORGOTTEN_MS, MAX_FIGURES, MAX_PROCESSES } from '../../../src/engine/heartbeat.js'
import type { TimedEngine } from '../../support/engines.js'
import { askHeartbeat } from '../../support/heartbeat.js'
import { onBothEngines } from '../../support/shop.js'

const late = { deadline: 0 }
const beat = (timed: TimedEngine, process: string, figures = '{}', call?: { deadline: number }) =>
  askHeartbeat(timed, 'beat', { process, figures }, call)

async function listed(timed: TimedEngine) {
  const { processes } = (await askHeartbeat(timed, 'processes', {})) as Extract<
    Awaited<ReturnType<typeof askHeartbeat<'processes'>>>,
    { status: 'listed' }
  >
  return processes
}

const namesIn = async (timed: TimedEngine) => (await listed(timed)).map(({ process }) => process)

onBothEngines((_, kind) => {
  test('processes are listed with their latest figures, those that were seen last first', async () => {
    const timed = await kind.make()
    expect(await listed(timed)).toEqual([])
    expect(await beat(timed, 'a', 'first')).toStrictEqual({ status: 'noted', due: [] })
    await timed.advance(1_000)
    await beat(timed, 'b: ü {x}', 'ü')
    await beat(timed, 'a', 'second')
    await timed.advance(5)
    await beat(timed, 'c', '')
    expect(await listed(timed)).toStrictEqual([
      { process: 'c', seenAt: timed.now(), figures: '' },
      { process: 'b: ü {x}', seenAt: timed.now() - 5, figures: 'ü' },
      { process: 'a', seenAt: timed.now() - 5, figures: 'second' },
    ])
  })

  test('a process that leaves is not listed, and may come back', async () => {
    const timed = await kind.make()
    await beat(timed, 'a')
    await beat(timed, 'b')
    for (let i = 0; i < 2; i++)
      expect(await askHeartbeat(timed, 'leave', { process: 'a' })).toStrictEqual({ status: 'left' })
    expect(await namesIn(timed)).toEqual(['b'])
    await beat(timed, 'a')
    expect((await namesIn(timed)).sort()).toEqual(['a', 'b'])
  })

  test('a call after its deadline changes nothing', async () => {
    const timed = await kind.make()
    expect(await beat(timed, 'a', '{}', late)).toStrictEqual({ status: 'retry' })
    expect(await listed(timed)).toEqual([])
    await beat(timed, 'a', 'kept')
    expect(await askHeartbeat(timed, 'leave', { process: 'a' }, late)).toStrictEqual({ status: 'retry' })
    expect(await askHeartbeat(timed, 'leave', { process: 'b' }, late)).toStrictEqual({ status: 'left' })
    expect(await listed(timed)).toMatchObject([{ process: 'a', figures: 'kept' }])
  })

  test('figures of too many bytes are refused', async () => {
    const timed = await kind.make()
    const most = 'ü'.repeat(MAX_FIGURES / 2)
    expect(await beat(timed, 'a', most)).toStrictEqual({ status: 'noted', due: [] })
    expect(await beat(timed, 'a', `${most}!`)).toStrictEqual({ status: 'too_large', due: [] })
    expect(await listed(timed)).toMatchObject([{ figures: most }])
  })

  test('a process that was not seen for ten minutes is forgotten with the next beat', async () => {
    const timed = await kind.make()
    await beat(timed, 'gone')
    await timed.advance(1)
    await beat(timed, 'later')
    await timed.advance(FORGOTTEN_MS - 2)
    await beat(timed, 'a')
    expect(await namesIn(timed)).toEqual(['a', 'later', 'gone'])
    await timed.advance(1)
    await beat(timed, 'a')
    expect(await namesIn(timed)).toEqual(['a', 'later'])
  })

  test('a process that is silent makes room for another, one that beats does not', async () => {
    const timed = await kind.make()
    for (let i = 0; i < MAX_PROCESSES; i++) await beat(timed, `p${1_000 + i}`)
    expect(await beat(timed, 'new')).toStrictEqual({ status: 'full', due: [] })
    expect(await beat(timed, 'p1000')).toStrictEqual({ status: 'noted', due: [] })
    await timed.advance(CROWDED_MS - 1)
    expect(await beat(timed, 'new')).toStrictEqual({ status: 'full', due: [] })
    expect(await listed(timed)).toHaveLength(MAX_PROCESSES)
    await timed.advance(1)
    await beat(timed, 'p1000')
    expect(await beat(timed, 'new')).toStrictEqual({ status: 'noted', due: [] })
    const names = await namesIn(timed)
    expect(names).toHaveLength(MAX_PROCESSES)
    expect(names).toEqual(expect.arrayContaining(['new', 'p1000']))
    expect(names).not.toContain('p1001')
  })
})
