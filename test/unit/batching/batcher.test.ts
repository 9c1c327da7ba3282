import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import { code, openBatcher, SOON, turn } from '../../support/open-batcher.js'

describe('batches', () => {
  test('a lone item is sent in the same turn', async () => {
    const { calls, ask } = openBatcher()
    const answer = ask('a')
    await Promise.resolve()
    await Promise.resolve()
    await Promise.resolve()
    expect(calls).toHaveLength(1)
    expect(calls[0]).toMatchObject({
      command: 'get',
      ops: [{ id: 'a' }],
      call: { incarnation: null, minTime: 0 },
    })
    calls[0]!.reply()
    expect(await answer).toBe('a: not_found')
  })

  test('items of one turn share a batch, and each gets its own answer', async () => {
    const { calls, ask, partition } = openBatcher()
    const answers = ['a', 'b', 'c'].map((id) => ask(id))
    await turn()
    expect(partition.sizes()).toEqual([3])
    calls[0]!.reply([{ status: 'not_found' }, { status: 'found' }, { status: 'not_found' }])
    expect(await Promise.all(answers)).toEqual(['a: not_found', 'b: found', 'c: not_found'])
  })

  test('at most 256 items a batch and two calls out; the rest goes when one comes back', async () => {
    const { calls, ask, partition } = openBatcher()
    const answers = Array.from({ length: 600 }, (_, i) => ask(`${i}`))
    await turn()
    expect(partition.sizes()).toEqual([256, 256])
    calls[1]!.reply()
    await turn()
    expect(partition.sizes()).toEqual([256, 256, 88])
    calls[0]!.reply()
    calls[2]!.reply()
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 600 }, (_, i) => `${i}: not_found`))
  })

  test('batches grow while two calls are out', async () => {
    const { calls, ask, partition } = openBatcher()
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      ask(id)
      await turn()
    }
    expect(partition.sizes()).toEqual([1, 1])
    calls[0]!.reply()
    await turn()
    expect(partition.sizes()).toEqual([1, 1, 3])
    expect(calls[2]!.ops).toEqual([{ id: 'c' }, { id: 'd' }, { id: 'e' }])
  })

  test('a batch is full by weight; an item heavier than a batch travels alone', async () => {
    const { ask, calls, partition } = openBatcher()
    for (const weight of [200, 56, 1, 1_000, 255, 2]) ask(`w${weight}`, { weight })
    await turn()
    expect(partition.sizes()).toEqual([2, 1])
    for (let i = 0; i < 4; i++) {
      calls[i]!.reply()
      await turn()
    }
    expect(calls.map(({ ops }) => ops.map((op) => (op as { id: string }).id))).toEqual([
      ['w200', 'w56'],
      ['w1'],
      ['w1000'],
      ['w255'],
      ['w2'],
    ])
  })

  test('what the answer is made into may throw: that is its own caller’s failure', async () => {
    const { batcher, calls, ask } = openBatcher()
    const spoilt = batcher.submit({ id: 'a' }, 30_000, 1, () => {
      throw new Error('spoilt')
    })
    const other = ask('b')
    await turn()
    calls[0]!.reply()
    await expect(spoilt).rejects.toThrow('spoilt')
    expect(await other).toBe('b: not_found')
  })
})

describe('failures', () => {
  test('a failing batch gives each caller an error object of its own', async () => {
    const { calls, ask } = openBatcher()
    const answers = ['a', 'b', 'c'].map((id) => ask(id))
    await turn()
    const cause = new Error('reset')
    calls[0]!.fail(new StockholdError('UNAVAILABLE', 'gone', { cause }))
    const errors = (await Promise.allSettled(answers)).map((result) => (result as { reason: Error }).reason)
    for (const error of errors)
      expect(error).toMatchObject({ ...code('UNAVAILABLE'), message: 'gone', cause })
    expect(new Set(errors).size).toBe(3)
    const next = ask('d')
    await turn()
    calls[1]!.reply()
    expect(await next).toBe('d: not_found')
  })

  test('what an engine throws that is no error of this library is INTERNAL, and says what to report', async () => {
    const { calls, ask } = openBatcher()
    const answer = ask('a')
    await turn()
    calls[0]!.fail(new TypeError('bug'))
    await expect(answer).rejects.toMatchObject({
      ...code('INTERNAL'),
      retryable: false,
      cause: { message: 'bug' },
    })
    await expect(answer).rejects.toThrow(/TypeError: bug.*please report/)
  })

  test.each([
    ['missing', null, 'NOT_FOUND'],
    ['missing', 'token', 'STATE_LOST'],
    ['lost', 'token', 'STATE_LOST'],
    ['lost', null, 'STATE_LOST'],
  ] as const)('%s with token %s is %s', async (outcome, token, expected) => {
    const { calls, ask, session } = openBatcher()
    session.history.incarnation = token
    const answer = ask('a')
    await turn()
    calls[0]!.reply([], { outcome } as never)
    await expect(answer).rejects.toMatchObject({ ...code(expected), retryable: false })
  })

  test('a partition that can never be reached fails the calls that wait, and later calls ask it again', async () => {
    const { partition, ask, calls } = openBatcher()
    partition.gate = Promise.reject(new StockholdError('UNSAFE_CONFIG', 'evicts'))
    partition.gate.catch(() => {})
    const answers = [ask('a'), ask('b')]
    for (const answer of answers) await expect(answer).rejects.toMatchObject(code('UNSAFE_CONFIG'))
    partition.gate = undefined
    const next = ask('c')
    await turn()
    calls[0]!.reply()
    expect(await next).toBe('c: not_found')
    expect(calls).toHaveLength(1)
  })
})

describe('deadlines', () => {
  test('never sent: UNAVAILABLE', async () => {
    const { partition, ask, calls, clock } = openBatcher()
    partition.gate = new Promise(() => {})
    await expect(clock.during(ask('a', { ms: SOON }))).rejects.toMatchObject({
      ...code('UNAVAILABLE'),
      retryable: true,
    })
    const cause = new Error('refused')
    Object.assign(partition, {
      lastError: () => new StockholdError('UNAVAILABLE', 'why', { cause, retryable: false }),
    })
    await expect(clock.during(ask('a', { ms: SOON }))).rejects.toMatchObject({
      ...{ message: 'why', cause, retryable: false },
    })
    expect(calls).toEqual([])
  })

  test('never sent since both calls are out: UNAVAILABLE', async () => {
    const { ask, calls, clock } = openBatcher()
    ask('a')
    await turn()
    ask('b')
    await turn()
    const error = { ...code('UNAVAILABLE'), cause: { message: expect.stringContaining('not been answered') } }
    await expect(clock.during(ask('c', { ms: SOON }))).rejects.toMatchObject(error)
    calls[0]!.reply()
    await turn()
    expect(calls).toHaveLength(2)
  })

  test('what ended unsent is never sent, what waits with it still is', async () => {
    const { partition, ask, calls, clock } = openBatcher()
    let openGate = () => {}
    partition.gate = new Promise((resolve) => {
      openGate = resolve
    })
    const patient = ask('patient')
    await expect(clock.during(ask('hasty', { ms: SOON }))).rejects.toMatchObject(code('UNAVAILABLE'))
    partition.gate = undefined
    openGate()
    await turn()
    expect(calls.map(({ ops }) => ops)).toEqual([[{ id: 'patient' }]])
    calls[0]!.reply()
    expect(await patient).toBe('patient: not_found')
  })

  test('sent: UNKNOWN_OUTCOME', async () => {
    const { ask, calls, clock } = openBatcher()
    const answer = ask('a', { ms: SOON })
    await expect(clock.during(answer)).rejects.toMatchObject({ ...code('UNKNOWN_OUTCOME'), retryable: true })
    expect(calls).toHaveLength(1)
    // An answer that comes too late is nobody's.
    calls[0]!.reply()
    await turn()
  })

  test.each([
    ['writes', 'it may have been executed. Send the same key, or the same id, again.'],
    ['sweeps', 'nothing was read. Repeat the call.'],
    ['reads', 'nothing was read. Repeat the call.'],
  ] as const)('sent: a call that %s is told what to do', async (effect, advice) => {
    const { ask, clock } = openBatcher(10, undefined, effect)
    const abort = new AbortController()
    const [late, aborted] = [ask('a', { ms: SOON }), ask('b', { signal: abort.signal })]
    await turn()
    abort.abort('gone')
    const told = { ...code('UNKNOWN_OUTCOME'), retryable: true }
    await expect(aborted).rejects.toMatchObject({
      ...{ ...told, message: `The call was aborted: ${advice}` },
      cause: 'gone',
    })
    const message = `No answer came in time: ${advice}`
    await expect(clock.during(late)).rejects.toMatchObject({ ...told, message })
  })

  test('each item of a batch has its own', async () => {
    const { ask, calls, clock } = openBatcher()
    const answer = ask('patient')
    await expect(clock.during(ask('hasty', { ms: SOON }))).rejects.toMatchObject(code('UNKNOWN_OUTCOME'))
    calls[0]!.reply()
    expect(await answer).toBe('patient: not_found')
  })

  test('a driver whose promise never settles does not block the batcher for ever', async () => {
    const { ask, calls, session, clock } = openBatcher()
    for (let round = 0; round < 3; round++) {
      const lost = [ask('a', { ms: SOON }), ask('b', { ms: SOON })]
      await turn()
      lost.push(ask('c', { ms: SOON }))
      for (const answer of lost)
        await expect(clock.during(answer)).rejects.toMatchObject(code('UNKNOWN_OUTCOME'))
    }
    const answer = ask('d')
    await turn()
    calls.at(-1)!.reply()
    expect(await answer).toBe('d: not_found')
    expect(session.enter()).toBeUndefined()
  })

  test('what waits behind calls that are never answered leaves when these are given up', async () => {
    const { ask, calls, clock } = openBatcher()
    const lost = [ask('a', { ms: SOON })]
    await turn()
    lost.push(ask('b', { ms: SOON }))
    await turn()
    const waiting = ask('c')
    await turn()
    expect(calls).toHaveLength(2)
    for (const answer of lost)
      await expect(clock.during(answer)).rejects.toMatchObject(code('UNKNOWN_OUTCOME'))
    await turn()
    expect(calls.slice(2).map(({ ops }) => ops)).toEqual([[{ id: 'c' }]])
    calls[2]!.reply()
    expect(await waiting).toBe('c: not_found')
  })

  test('the batch carries the earliest deadline, in the server’s time', async () => {
    const { ask, calls, session, clock } = openBatcher()
    ask('a')
    await turn()
    expect(calls[0]!.call.deadline).toBe(Number.MAX_SAFE_INTEGER)
    const serverNow = 5_000_000
    calls[0]!.reply(undefined, { now: serverNow })
    await turn()
    clock.stall(7.5)
    ask('b', { ms: 2_000 })
    ask('c', { ms: 1_000 })
    await turn()
    const { deadline, minTime } = calls[1]!.call
    expect(minTime).toBe(serverNow)
    expect(deadline).toBe(Math.floor(session.time.at(clock.now()) + 1_000))
    expect(deadline).toBe(serverNow + 1_007)
  })
})

describe('retry answers', () => {
  test('are asked again, before what came later, until they are decided', async () => {
    const { ask, calls } = openBatcher()
    const answers = [ask('a'), ask('b'), ask('c')]
    await turn()
    calls[0]!.reply([{ status: 'retry' }, { status: 'found' }, { status: 'retry' }])
    const later = ask('d')
    await turn()
    expect(await answers[1]).toBe('b: found')
    expect(calls[1]!.ops).toEqual([{ id: 'a' }, { id: 'c' }, { id: 'd' }])
    calls[1]!.reply([{ status: 'found' }, { status: 'retry' }, { status: 'found' }])
    await turn()
    calls[2]!.reply()
    expect(await Promise.all([...answers, later])).toEqual([
      'a: found',
      'b: found',
      'c: not_found',
      'd: found',
    ])
  })

  // A driver may have sent a copy that was carried out: of what was sent once, nobody can say that
  // nothing was.
  test('end as UNKNOWN_OUTCOME where there is no time left to ask again', async () => {
    const { ask, calls, clock } = openBatcher()
    const answer = ask('a', { ms: 200 })
    await turn()
    calls[0]!.reply([{ status: 'retry' }])
    await turn()
    expect(calls).toHaveLength(2)
    clock.stall(201)
    calls[1]!.reply([{ status: 'retry' }])
    await expect(answer).rejects.toMatchObject({ ...code('UNKNOWN_OUTCOME'), retryable: true })
    expect(calls).toHaveLength(2)
  })
})

test('what was sent once is never said not to be executed, whatever becomes of its repetition', async () => {
  const { ask, calls, partition, clock } = openBatcher()
  const aborter = new AbortController()
  const answers = [ask('a', { ms: 60 }), ask('b'), ask('c', { signal: aborter.signal })]
  await turn()
  // The copy that is answered changed nothing; an earlier one may have.
  let open = () => {}
  partition.gate = new Promise((resolve) => {
    open = resolve
  })
  calls[0]!.reply([{ status: 'retry' }, { status: 'retry' }, { status: 'retry' }])
  await turn()
  aborter.abort()
  await expect(answers[2]).rejects.toMatchObject(code('UNKNOWN_OUTCOME'))
  await expect(clock.during(answers[0]!)).rejects.toMatchObject(code('UNKNOWN_OUTCOME'))
  open()
  await turn()
  calls[1]!.fail(new StockholdError('UNAVAILABLE', 'refused'))
  await expect(answers[1]).rejects.toMatchObject(code('UNKNOWN_OUTCOME'))
})

test('a session remembers how far the history went, and no reply that tells nothing of it', () => {
  const { session } = openBatcher()
  session.recordReply({ outcome: 'done', now: 5, clock: 5, sequence: 7, answers: [] }, 0)
  expect([session.history.sequence, session.time.lastNow]).toEqual([7, 5])
  session.recordReply({ outcome: 'done', now: 4, clock: 4, sequence: 6, answers: [] }, 0)
  session.recordReply({ outcome: 'missing', now: 3 }, 0)
  session.recordReply({ outcome: 'lost', now: 6 }, 0)
  expect([session.history.sequence, session.time.lastNow]).toEqual([7, 6])
})

describe('aborted items', () => {
  test('leave the queue in any order and any number, and the rest is sent in order', async () => {
    const { ask, calls, partition } = openBatcher(1_000_000)
    ask('out-0')
    await turn()
    ask('out-1')
    await turn()
    const controllers = Array.from({ length: 20_000 }, () => new AbortController())
    const answers = controllers.map(({ signal }, i) => ask(`${i}`, { signal }))
    const rest = [0, 7, 9_999, 10_000, 19_999]
    // Every other one from the end, then the others from the beginning.
    for (let i = 19_999; i >= 0; i -= 2) if (!rest.includes(i)) controllers[i]!.abort('gone')
    for (let i = 0; i < 20_000; i += 2) if (!rest.includes(i)) controllers[i]!.abort('gone')
    calls[0]!.reply()
    await turn()
    expect(partition.sizes()).toEqual([1, 1, 5])
    expect(calls[2]!.ops).toEqual(rest.map((i) => ({ id: `${i}` })))
    calls[2]!.reply()
    const told = await Promise.allSettled(answers)
    for (const [i, result] of told.entries())
      expect(result).toMatchObject(rest.includes(i) ? { value: `${i}: not_found` } : { reason: 'gone' })
  })

  test('fill no batch: as many live items travel as if the others had never come', async () => {
    const { ask, partition } = openBatcher()
    const controller = new AbortController()
    for (let i = 0; i < 600; i++) ask(`${i}`, i % 2 ? { signal: controller.signal } : {})
    controller.abort('gone')
    await turn()
    expect(partition.sizes()).toEqual([256, 44])
  })

  test('an item that is to be asked again and was aborted meanwhile may have been executed', async () => {
    const { ask, calls, partition } = openBatcher()
    const controller = new AbortController()
    const answer = ask('a', { signal: controller.signal })
    await turn()
    partition.gate = new Promise(() => {})
    calls[0]!.reply([{ status: 'retry' }])
    await turn()
    controller.abort('gone')
    await expect(answer).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME', cause: 'gone' })
  })

  test('with nothing left that waits, nothing is sent', async () => {
    const { ask, partition } = openBatcher()
    const controller = new AbortController()
    for (let i = 0; i < 3; i++) ask(`${i}`, { signal: controller.signal })
    controller.abort('gone')
    await turn()
    expect(partition.sizes()).toEqual([])
  })
})
