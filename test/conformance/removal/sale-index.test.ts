import { expect, test } from 'vitest'
import { FORGOTTEN_AT_ONCE, type IndexedIncarnation, KEPT_MS } from '../../../src/engine/sale-index.js'
import type { TimedEngine } from '../../support/engines.js'
import { askIndex } from '../../support/removal.js'
import { onBothEngines } from '../../support/shop.js'

const late = { deadline: 0 }
const one: IndexedIncarnation = { kind: 'sale', name: '1 Nov: ü', incarnation: 'one', partitions: 3 }
const find = (timed: TimedEngine, incarnation = 'one') => askIndex(timed, 'find', { incarnation })

onBothEngines((_, kind) => {
  const registered = async () => {
    const timed = await kind.make()
    await askIndex(timed, 'register', { ...one, attempts: false, retains: false })
    return timed
  }

  test('an incarnation is registered once, and is found', async () => {
    const timed = await registered()
    await timed.advance(5)
    const again = await askIndex(timed, 'register', { ...one, attempts: false, retains: false }, late)
    expect(again).toStrictEqual({ status: 'registered', state: 'live', attempt: 0 })
    expect(await find(timed)).toStrictEqual({ status: 'found', state: 'live', attempt: 0, partitions: 3 })
    expect(await find(timed, 'two')).toStrictEqual({ status: 'unknown' })
    expect(await askIndex(timed, 'list', { cursor: '0' })).toStrictEqual({
      status: 'listed',
      cursor: '0',
      entries: [{ ...one, state: 'live', createdAt: timed.now() - 5, attempt: 0, retains: false }],
    })
  })

  test('that a sale may have a retainMs stays noted', async () => {
    const timed = await registered()
    const note = (retains: boolean, call?: { deadline: number }) =>
      askIndex(timed, 'register', { ...one, attempts: false, retains }, call)
    expect(await note(true, late)).toStrictEqual({ status: 'retry' })
    await note(true)
    expect(await note(true, late)).toMatchObject({ status: 'registered' })
    await note(false)
    const { entries } = await askIndex(timed, 'list', { cursor: '0' })
    expect(entries).toMatchObject([{ incarnation: 'one', retains: true }])
  })

  test('a call after its deadline changes nothing', async () => {
    const timed = await kind.make()
    const retry = { status: 'retry' }
    expect(
      await askIndex(timed, 'register', { ...one, attempts: false, retains: false }, late),
    ).toStrictEqual(retry)
    expect(await askIndex(timed, 'finish', one, late)).toStrictEqual(retry)
    expect(await find(timed)).toStrictEqual({ status: 'unknown' })
    await askIndex(timed, 'register', { ...one, attempts: false, retains: false })
    expect(await askIndex(timed, 'register', { ...one, attempts: true, retains: false }, late)).toStrictEqual(
      retry,
    )
    expect(await askIndex(timed, 'commit', { incarnation: 'one', attempt: 0 }, late)).toStrictEqual(retry)
    expect(await find(timed)).toStrictEqual({ status: 'found', state: 'live', attempt: 0, partitions: 3 })
  })

  test('only the latest attempt can decide, and its decision is final', async () => {
    const timed = await registered()
    const begin = () => askIndex(timed, 'register', { ...one, attempts: true, retains: false })
    const commit = (attempt: number, incarnation = 'one') =>
      askIndex(timed, 'commit', { incarnation, attempt })
    expect(await begin()).toStrictEqual({ status: 'registered', state: 'live', attempt: 1 })
    expect(await begin()).toStrictEqual({ status: 'registered', state: 'live', attempt: 2 })
    expect(await commit(1)).toStrictEqual({ status: 'superseded' })
    expect(await find(timed)).toMatchObject({ state: 'live' })
    expect(await commit(2)).toStrictEqual({ status: 'committed' })
    expect(await commit(2)).toStrictEqual({ status: 'committed' })
    expect(await commit(1)).toStrictEqual({ status: 'committed' })
    expect(await commit(1, 'two')).toStrictEqual({ status: 'superseded' })
    expect(await begin()).toStrictEqual({ status: 'registered', state: 'removing', attempt: 2 })
    expect(await askIndex(timed, 'finish', one)).toStrictEqual({ status: 'finished' })
    expect(await askIndex(timed, 'finish', one, late)).toStrictEqual({ status: 'finished' })
    expect(await begin()).toStrictEqual({ status: 'registered', state: 'removed', attempt: 2 })
    expect(await commit(2)).toStrictEqual({ status: 'committed' })
    expect(await find(timed)).toStrictEqual({ status: 'found', state: 'removed', attempt: 2, partitions: 3 })
  })

  test('the removal of an incarnation that the index has lost is noted', async () => {
    const timed = await kind.make()
    await askIndex(timed, 'finish', one)
    expect(await find(timed)).toStrictEqual({ status: 'found', state: 'removed', attempt: 0, partitions: 3 })
  })

  test('a removed incarnation is known for 30 days; a live one for ever', async () => {
    const timed = await registered()
    await askIndex(timed, 'register', { ...one, incarnation: 'live', attempts: false, retains: false })
    await askIndex(timed, 'finish', one)
    await timed.advance(KEPT_MS - 1)
    await askIndex(timed, 'finish', { ...one, incarnation: 'two' })
    expect(await find(timed)).toMatchObject({ status: 'found' })
    await timed.advance(1)
    await askIndex(timed, 'finish', { ...one, incarnation: 'three' })
    expect(await find(timed)).toStrictEqual({ status: 'unknown' })
    expect(await find(timed, 'two')).toMatchObject({ status: 'found' })
    expect(await find(timed, 'live')).toMatchObject({ status: 'found', state: 'live' })
  })

  test('one removal forgets a bounded number of old ones', async () => {
    const timed = await kind.make()
    const count = FORGOTTEN_AT_ONCE + 20
    for (let i = 0; i < count; i++) await askIndex(timed, 'finish', { ...one, incarnation: `old ${i}` })
    const left = async () => {
      const found = await Promise.all(Array.from({ length: count }, (_, i) => find(timed, `old ${i}`)))
      return found.filter(({ status }) => status === 'found').length
    }
    await timed.advance(KEPT_MS)
    await askIndex(timed, 'finish', { ...one, incarnation: 'a' })
    expect(await left()).toBe(20)
    await askIndex(timed, 'finish', { ...one, incarnation: 'b' })
    expect(await left()).toBe(0)
  })

  test('the pages of a long index name each incarnation', async () => {
    const timed = await kind.make()
    const names = Array.from({ length: 700 }, (_, i) => `incarnation ${i}`)
    for (const incarnation of names)
      await askIndex(timed, 'register', { ...one, incarnation, attempts: false, retains: false })
    const seen = new Set<string>()
    for (let cursor = '0'; ; ) {
      const page = await askIndex(timed, 'list', { cursor })
      for (const { incarnation } of page.entries) seen.add(incarnation)
      cursor = page.cursor
      if (cursor === '0') break
    }
    expect([...seen].sort()).toEqual([...names].sort())
  })
})
