import { expect, test } from 'vitest'
import {
  LEVELS,
  MAX_LABEL,
  MAX_POINT,
  MAX_SUBJECTS,
  STALE_STEPS,
  STEP_MS,
} from '../../../src/engine/course.js'
import type { HeartbeatCommands } from '../../../src/engine/heartbeat.js'
import { askHeartbeat } from '../../support/heartbeat.js'
import { onBothEngines } from '../../support/shop.js'

type Op<C extends keyof HeartbeatCommands> = HeartbeatCommands[C]['op']

const late = { deadline: 0 }

onBothEngines((_, kind) => {
  const opened = async () => {
    const timed = await kind.make()
    const offer = async (process: string, subject = 'sale:ü', weight = 1, call?: { deadline: number }) =>
      (await askHeartbeat(timed, 'offer', { process, subject, weight }, call)).status
    const append = async (
      process: string,
      given: Partial<Op<'append'>> = {},
      call?: { deadline: number },
    ) => {
      const rest = { subject: 'sale:ü', incarnation: 'i', label: 'l', point: `by ${process}` }
      return (await askHeartbeat(timed, 'append', { process, ...rest, ...given }, call)).status
    }
    const course = async (subject = 'sale:ü') => {
      const found = await askHeartbeat(timed, 'course', { subject })
      return found.status === 'course' ? found : expect.fail(found.status)
    }
    const step = (count = 1) => timed.advance(count * STEP_MS)
    return { timed, offer, append, course, step }
  }

  test('one process tells the point of a step, however many offer it', async () => {
    const { timed, offer, append, course, step } = await opened()
    expect(await course()).toStrictEqual({ status: 'course', label: '', points: [] })
    expect(await offer('a')).toBe('due')
    expect(await offer('b')).toBe('idle')
    expect(await append('b')).toBe('known')
    expect(await offer('a')).toBe('due')
    expect(await append('a')).toBe('appended')
    expect([await append('a'), await append('b'), await offer('a')]).toEqual(['known', 'known', 'idle'])
    await step()
    expect(await offer('b')).toBe('due')
    expect(await append('a')).toBe('known')
    expect(await append('b', { label: 'later' })).toBe('appended')
    expect(await course()).toStrictEqual({
      status: 'course',
      label: 'later',
      points: [
        { at: timed.now() - STEP_MS, point: 'by a' },
        { at: timed.now(), point: 'by b' },
      ],
    })
  })

  test('a process that dies with a point to tell leaves out one step', async () => {
    const { offer, append, course, step } = await opened()
    await offer('a')
    await step()
    expect(await offer('b')).toBe('due')
    expect(await append('b')).toBe('appended')
    expect((await course()).points).toHaveLength(1)
  })

  test('older points are thinned out, and their number is bounded', async () => {
    const { timed, offer, append, course, step } = await opened()
    const steps = 3 * LEVELS[0]!.count
    const first = timed.now()
    for (let i = 0; i < steps; i++) {
      await offer('a')
      expect(await append('a', { point: String(i) })).toBe('appended')
      await step()
    }
    const { points } = await course()
    const ages = points.map(({ at }) => (timed.now() - at) / STEP_MS)
    expect(ages.filter((age) => age <= LEVELS[0]!.count)).toHaveLength(LEVELS[0]!.count)
    const older = points.filter((_, i) => ages[i]! > LEVELS[0]!.count)
    // One a minute, at the first step of each minute of the clock.
    expect(older.length).toBe((2 * LEVELS[0]!.count) / LEVELS[1]!.steps)
    for (const { at, point } of points) expect(point).toBe(String((at - first) / STEP_MS))
    for (const { at } of older) expect(at % 60_000).toBe(0)
  })

  test('another incarnation begins another course', async () => {
    const { offer, append, course, step } = await opened()
    await offer('a')
    await append('a')
    await step()
    await offer('a')
    expect(await append('a', { incarnation: 'other', point: 'new' })).toBe('appended')
    expect((await course()).points.map(({ point }) => point)).toEqual(['new'])
  })

  test('a call after its deadline changes nothing', async () => {
    const { offer, append, course, step } = await opened()
    expect(await offer('a', 'sale:ü', 1, late)).toBe('retry')
    expect(await append('a')).toBe('unknown')
    await offer('a')
    expect(await append('a', {}, late)).toBe('retry')
    expect((await course()).points).toEqual([])
    await step()
    expect(await offer('a', 'sale:ü', 1, late)).toBe('retry')
  })

  test('points and labels of too many bytes are refused', async () => {
    const { offer, append, course } = await opened()
    await offer('a')
    expect(await append('a', { point: `${'ü'.repeat(MAX_POINT / 2)}!` })).toBe('too_large')
    expect(await append('a', { label: `${'ü'.repeat(MAX_LABEL / 2)}!` })).toBe('too_large')
    expect((await course()).points).toEqual([])
    const most = { point: 'ü'.repeat(MAX_POINT / 2), label: 'ü'.repeat(MAX_LABEL / 2) }
    expect(await append('a', most)).toBe('appended')
    expect(await course()).toMatchObject({ label: most.label, points: [{ point: most.point }] })
  })

  test('the number of subjects is bounded: the one with the least weight makes room for one with twice as much', async () => {
    const { offer, append, course } = await opened()
    for (let i = 0; i < MAX_SUBJECTS; i++) {
      expect(await offer('a', `s${10 + i}`, 10 + i)).toBe('due')
      await append('a', { subject: `s${10 + i}` })
    }
    expect(await offer('a', 'new', 20)).toBe('full')
    expect(await append('a', { subject: 'new' })).toBe('unknown')
    expect(await offer('a', 'new', 21)).toBe('due')
    expect((await course('s10')).points).toEqual([])
    expect((await course('s11')).points).toHaveLength(1)
    expect(await offer('a', 's10', 10)).toBe('full')
  })

  test('a subject without a point for ten minutes makes room, whatever its weight', async () => {
    const { offer, append, course, step } = await opened()
    for (let i = 0; i < MAX_SUBJECTS; i++) await offer('a', `s${10 + i}`, 1_000)
    await append('a', { subject: 's10' })
    await step()
    for (let i = 0; i < MAX_SUBJECTS; i++) if (i !== 3) await offer('a', `s${10 + i}`, 1_000)
    await step(STALE_STEPS - 1)
    expect(await offer('a', 'new', 0)).toBe('full')
    await step()
    expect(await offer('a', 'new', 0)).toBe('due')
    expect(await offer('a', 's13', 0)).toBe('full')
    expect((await course('s10')).points).toHaveLength(1)
  })
})
