import { expect, test } from 'vitest'
import {
  CLAIM_MS,
  type HeartbeatCommands,
  MAX_ANSWER,
  MAX_BODY,
  MAX_PROCESSES,
  MAX_REQUESTS,
  REQUEST_KEPT_MS,
} from '../../../src/engine/heartbeat.js'
import { askHeartbeat } from '../../support/heartbeat.js'
import { onBothEngines } from '../../support/shop.js'

type Op<C extends keyof HeartbeatCommands> = HeartbeatCommands[C]['op']

const late = { deadline: 0 }
const one: Op<'request'> = {
  ...{ id: 'one', subject: 'recover: ü', body: '{"a":1}', waitFor: 2, timeoutMs: 1_000, resumes: true },
}

onBothEngines((_, kind) => {
  const opened = async (op: Partial<Op<'request'>> = {}) => {
    const timed = await kind.make()
    const ask = <C extends keyof HeartbeatCommands>(command: C, given: Op<C>, call?: { deadline: number }) =>
      askHeartbeat(timed, command, given, call)
    const request = (given: Partial<Op<'request'>> = {}, call?: { deadline: number }) =>
      ask('request', { ...one, ...given }, call)
    const answer = async (
      process: string,
      given: Partial<Op<'answer'>> = {},
      call?: { deadline: number },
    ) => {
      const rest = { id: 'one', process, done: true, counts: true, text: `by ${process}` }
      return (await ask('answer', { ...rest, ...given }, call)).status
    }
    const claim = async (process: string, force = false) =>
      (await ask('claim', { id: 'one', process, force })).status
    const finish = async (id = 'one', resumed = true) => (await ask('finish', { id, resumed })).status
    const due = async (process: string) => {
      const beaten = await ask('beat', { process, figures: '{}' })
      if (beaten.status === 'retry') expect.fail('retry')
      return beaten.due.map((waiting) => `${waiting.id} ${waiting.due}`).sort()
    }
    const all = async () => {
      const listed = await ask('requests', {})
      return listed.status === 'requests' ? listed.requests : expect.fail(listed.status)
    }
    expect(await request(op)).toStrictEqual({ status: 'made' })
    return { timed, ask, request, answer, claim, finish, due, all, advance: timed.advance }
  }

  test('a request waits for each process until that has answered', async () => {
    const { timed, ask, answer, due, all } = await opened()
    const beaten = await ask('beat', { process: 'a', figures: '{}' })
    const waiting = { id: 'one', body: one.body, createdAt: timed.now(), due: 'answer' }
    expect(beaten).toStrictEqual({ status: 'noted', due: [waiting] })
    await timed.advance(5)
    expect(await answer('a')).toBe('answered')
    expect(await due('a')).toEqual([])
    expect(await due('b')).toEqual(['one answer'])
    const { timeoutMs, ...rest } = one
    const createdAt = timed.now() - 5
    expect(await all()).toStrictEqual([
      {
        ...rest,
        ...{ createdAt, deadline: createdAt + timeoutMs, completedAt: null, finishedAt: null },
        answers: [{ process: 'a', done: true, counts: true, at: timed.now(), text: 'by a' }],
      },
    ])
  })

  test('the last answer that counts completes it, and resumes; no other process does meanwhile', async () => {
    const { timed, answer, claim, due, all } = await opened()
    expect(await answer('other', { counts: false })).toBe('answered')
    expect(await answer('a')).toBe('answered')
    expect(await answer('a')).toBe('answered')
    expect((await all())[0]!.completedAt).toBeNull()
    expect(await answer('b', { done: false })).toBe('answered')
    expect(await due('b')).toEqual(['one answer'])
    expect(await answer('b')).toBe('resume')
    expect((await all())[0]!.completedAt).toBe(timed.now())
    expect([await due('a'), await due('b'), await due('other')]).toEqual([[], [], []])
    expect(await claim('a')).toBe('taken')
    expect(await claim('b')).toBe('claimed')
  })

  test('another process resumes if the one that should has died; the request is finished once', async () => {
    const { answer, claim, finish, due, all, advance } = await opened()
    await answer('a')
    expect(await answer('b')).toBe('resume')
    await advance(CLAIM_MS - 1)
    expect(await due('a')).toEqual([])
    await advance(1)
    expect(await due('a')).toEqual(['one resume'])
    expect(await claim('a')).toBe('claimed')
    expect(await due('b')).toEqual([])
    expect(await claim('b')).toBe('taken')
    expect(await finish()).toBe('finished')
    const finishedAt = (await all())[0]!.finishedAt
    await advance(CLAIM_MS)
    expect(await finish()).toBe('finished')
    expect((await all())[0]!.finishedAt).toBe(finishedAt)
    expect([await due('a'), await due('b')]).toEqual([[], []])
    expect(await claim('a', true)).toBe('taken')
  })

  test('answers after the deadline do not complete it; the operator may resume by force', async () => {
    const { answer, claim, due, advance, all } = await opened()
    await answer('a')
    await advance(one.timeoutMs)
    expect(await claim('a')).toBe('taken')
    await advance(1)
    expect(await due('b')).toEqual(['one answer'])
    expect(await answer('b')).toBe('answered')
    expect((await all())[0]!.completedAt).toBeNull()
    expect(await due('a')).toEqual([])
    expect(await claim('a')).toBe('taken')
    expect(await claim('a', true)).toBe('claimed')
    expect(await claim('b', true)).toBe('taken')
  })

  test('the answer at the deadline still completes it', async () => {
    const { answer, advance } = await opened()
    await answer('a')
    await advance(one.timeoutMs)
    expect(await answer('b')).toBe('resume')
  })

  test('a request that does not resume is completed, and then over', async () => {
    const { answer, claim, request, all } = await opened({ resumes: false })
    await answer('a')
    expect(await answer('b')).toBe('answered')
    expect(await claim('a')).toBe('taken')
    expect((await all())[0]!.completedAt).not.toBeNull()
    expect(await request({ id: 'two' })).toStrictEqual({ status: 'made' })
    expect((await all()).map(({ id }) => id)).toEqual(['two'])
  })

  test('a second request of the subject joins the first; another body is a conflict; another subject is not', async () => {
    const { request, answer, all, advance } = await opened()
    await answer('a')
    const [first] = await all()
    expect(await request()).toStrictEqual({ status: 'made' })
    expect(await request({ id: 'two', waitFor: 9 })).toStrictEqual({ status: 'joined', request: first })
    expect(await request({ id: 'two', body: 'x' })).toStrictEqual({ status: 'conflict', request: first })
    expect(await request({ id: 'two', subject: 'x' })).toStrictEqual({ status: 'made' })
    await advance(one.timeoutMs + 1)
    expect(await request({ id: 'three' })).toStrictEqual({ status: 'made' })
    const left = await all()
    expect(left.map(({ id }) => id)).toEqual(['two', 'three'])
    expect(left[1]!.answers).toEqual([])
  })

  test('a complete request is joined until it is finished, however long that takes', async () => {
    const { request, answer, finish, advance } = await opened()
    await answer('a')
    await answer('b')
    await advance(one.timeoutMs + 1)
    expect(await request({ id: 'two' })).toMatchObject({ status: 'joined' })
    await finish()
    expect(await request({ id: 'two' })).toStrictEqual({ status: 'made' })
  })

  test('a request whose work is lost is forgotten, with its answers, and can be made again', async () => {
    const { request, answer, claim, finish, due, all } = await opened()
    await answer('a')
    await answer('b')
    expect(await finish('one', false)).toBe('forgotten')
    expect(await all()).toEqual([])
    expect(await claim('a')).toBe('unknown')
    expect(await finish('one', false)).toBe('unknown')
    expect(await request()).toStrictEqual({ status: 'made' })
    expect(await due('a')).toEqual(['one answer'])
    await answer('a')
    await answer('b')
    expect(await finish()).toBe('finished')
    // It is over: a process that has paused does not change what has become of it.
    expect(await finish('one', false)).toBe('finished')
    expect(await all()).toHaveLength(1)
  })

  test('a call after its deadline changes nothing', async () => {
    const { ask, request, answer, all, due } = await opened()
    expect(await request({ id: 'two', subject: 'x' }, late)).toStrictEqual({ status: 'retry' })
    expect(await request({}, late)).toStrictEqual({ status: 'made' })
    expect(await answer('a', {}, late)).toBe('retry')
    expect(await due('a')).toEqual(['one answer'])
    await answer('a')
    await answer('b')
    expect((await ask('claim', { id: 'one', process: 'b', force: false }, late)).status).toBe('retry')
    for (const resumed of [true, false])
      expect((await ask('finish', { id: 'one', resumed }, late)).status).toBe('retry')
    expect((await all()).map(({ id, finishedAt }) => [id, finishedAt])).toEqual([['one', null]])
  })

  test('what is not there is unknown', async () => {
    const { ask, answer, finish } = await opened()
    expect(await answer('a', { id: 'none' })).toBe('unknown')
    expect((await ask('claim', { id: 'none', process: 'a', force: true })).status).toBe('unknown')
    expect(await finish('none')).toBe('unknown')
  })

  test('an answer that was done stays as it is, until it is given again', async () => {
    const { answer, all, due } = await opened()
    await answer('a')
    await answer('a', { done: false, text: 'again' })
    expect((await all())[0]!.answers).toMatchObject([{ done: true, text: 'by a' }])
    await answer('a', { text: 'better' })
    expect((await all())[0]!.answers).toMatchObject([{ done: true, text: 'better' }])
    expect(await due('a')).toEqual([])
  })

  test('number and sizes are bounded, and requests are forgotten after an hour', async () => {
    const { request, answer, all, advance } = await opened()
    expect(await request({ id: 'x', subject: 'x', body: 'ü'.repeat(MAX_BODY / 2) })).toStrictEqual({
      status: 'too_large',
    })
    expect(await answer('a', { text: 'ü'.repeat(MAX_ANSWER / 2) })).toBe('answered')
    expect(await answer('b', { text: `${'ü'.repeat(MAX_ANSWER / 2)}!` })).toBe('too_large')
    await advance(1)
    for (let i = 1; i < MAX_REQUESTS; i++)
      expect(await request({ id: `r${i}`, subject: `s${i}` })).toMatchObject({ status: 'made' })
    expect(await request({ id: 'more', subject: 'more' })).toStrictEqual({ status: 'full' })
    await advance(REQUEST_KEPT_MS - 1)
    expect(await request({ id: 'more', subject: 'more' })).toStrictEqual({ status: 'made' })
    expect((await all()).map(({ id }) => id)).not.toContain('one')
    for (let i = 0; i < MAX_PROCESSES; i++) await answer(`p${i}`, { id: 'more', done: false })
    expect(await answer('a', { id: 'more' })).toBe('full')
    expect(await answer('p0', { id: 'more' })).toBe('answered')
  })
})
