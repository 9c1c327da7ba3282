import { describe, expect, test } from 'vitest'
import { NotReadyError, StockholdError } from '../../../src/errors.js'
import { code, openBatcher, turn } from '../../support/open-batcher.js'

const refused = (reply = 'MOVED') =>
  new NotReadyError(`Redis refused (${reply}). Nothing was executed.`, new Error(reply))

/** A partition that is not ready until the test says so. */
function close(partition: ReturnType<typeof openBatcher>['partition']): () => void {
  let open = () => {}
  partition.gate = new Promise((resolve) => {
    open = () => {
      partition.gate = undefined
      resolve()
    }
  })
  return open
}

describe('a batch that was refused since the port was not ready', () => {
  test('waits until the port is ready, and is answered', async () => {
    const { calls, ask, partition } = openBatcher()
    const answers = [ask('a'), ask('b')]
    await turn()
    const open = close(partition)
    calls[0]!.fail(refused())
    await turn()
    expect(calls).toHaveLength(1)
    open()
    await turn()
    expect(calls[1]!.ops).toEqual([{ id: 'a' }, { id: 'b' }])
    calls[1]!.reply()
    expect(await Promise.all(answers)).toEqual(['a: not_found', 'b: not_found'])
  })

  test('is UNAVAILABLE exactly at the deadline of each caller, with the latest refusal as its cause', async () => {
    const { calls, ask, partition, clock, session } = openBatcher(2)
    const [hasty, patient] = [ask('hasty', { ms: 700 }), ask('patient', { ms: 1_900 })]
    const told: unknown[] = []
    hasty.catch((error) => told.push([clock.now(), error]))
    patient.catch((error) => told.push([clock.now(), error]))
    for (const reply of ['MOVED', 'CLUSTERDOWN']) {
      await turn()
      calls.at(-1)!.fail(refused(reply))
    }
    await turn()
    close(partition)
    calls.at(-1)!.fail(refused('TRYAGAIN'))
    await clock.advance(10_000)
    const unavailable = {
      ...code('UNAVAILABLE'),
      message: 'Redis refused (TRYAGAIN). Nothing was executed.',
      cause: { message: 'TRYAGAIN' },
      retryable: true,
    }
    expect(told).toMatchObject([
      [700, unavailable],
      [1_900, unavailable],
    ])
    const errors = told.map((each) => (each as unknown[])[1])
    expect(errors[0]).not.toBe(errors[1])
    expect(errors[0]).not.toBeInstanceOf(NotReadyError)
    expect(calls).toHaveLength(3)
    // Both are counted out, once.
    expect([session.enter(), session.enter()]).toEqual([undefined, undefined])
    expect(session.enter()).toMatchObject(code('OVERLOADED'))
  })

  test('is UNAVAILABLE at once if its deadline has passed while it was out', async () => {
    const { calls, ask, clock } = openBatcher()
    const answer = ask('a', { ms: 200 })
    await turn()
    clock.stall(201)
    calls[0]!.fail(refused())
    await expect(answer).rejects.toMatchObject({ ...code('UNAVAILABLE'), cause: { message: 'MOVED' } })
    expect(calls).toHaveLength(1)
  })

  test('counts as open until its callers are told', async () => {
    const { calls, ask, partition } = openBatcher(1)
    const answer = ask('a')
    await turn()
    const open = close(partition)
    calls[0]!.fail(refused())
    await turn()
    await expect(ask('b')).rejects.toMatchObject(code('OVERLOADED'))
    open()
    await turn()
    calls[1]!.reply()
    expect(await answer).toBe('a: not_found')
  })

  test('stays UNKNOWN_OUTCOME for what an earlier call may have executed, and only for that', async () => {
    const { calls, ask, partition, clock } = openBatcher()
    const again = ask('again', { ms: 100 })
    await turn()
    calls[0]!.reply([{ status: 'retry' }])
    const fresh = ask('fresh', { ms: 100 })
    await turn()
    expect(calls[1]!.ops).toEqual([{ id: 'again' }, { id: 'fresh' }])
    close(partition)
    calls[1]!.fail(refused())
    await expect(clock.during(again)).rejects.toMatchObject(code('UNKNOWN_OUTCOME'))
    await expect(fresh).rejects.toMatchObject(code('UNAVAILABLE'))
  })

  test('leaves the queue when its caller aborts: nothing was executed, and the rest is sent', async () => {
    const { calls, ask, partition } = openBatcher()
    const aborter = new AbortController()
    const answers = [ask('a', { signal: aborter.signal }), ask('b')]
    await turn()
    const open = close(partition)
    calls[0]!.fail(refused())
    await turn()
    aborter.abort('gone')
    await expect(answers[0]).rejects.toBe('gone')
    open()
    await turn()
    expect(calls[1]!.ops).toEqual([{ id: 'b' }])
    calls[1]!.reply()
    expect(await answers[1]).toBe('b: not_found')
  })

  test('leaves alone a visitor who was told while it was out', async () => {
    const { calls, ask, partition, clock } = openBatcher()
    const answers = [ask('hasty', { ms: 30 }), ask('patient')]
    await expect(clock.during(answers[0]!)).rejects.toMatchObject(code('UNKNOWN_OUTCOME'))
    calls[0]!.fail(refused())
    await turn()
    expect(partition.sizes()).toEqual([2, 1])
    calls[1]!.reply()
    expect(await answers[1]).toBe('patient: not_found')
  })

  test.each([
    [0, 1],
    [1, 0],
  ])(
    'keeps the order of what was submitted, also where call %i of two is refused first',
    async (first, second) => {
      const { calls, ask, partition } = openBatcher()
      ask('a')
      await turn()
      ask('b')
      await turn()
      ask('c')
      const open = close(partition)
      calls[first]!.fail(refused())
      await turn()
      calls[second]!.fail(refused())
      await turn()
      open()
      await turn()
      expect(calls[2]!.ops).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'c' }])
    },
  )

  test('hears it when the port will never be ready again', async () => {
    const { calls, ask, partition } = openBatcher()
    const answer = ask('a')
    await turn()
    partition.gate = Promise.reject(new StockholdError('CLOSED', 'The engine was closed.'))
    partition.gate.catch(() => {})
    calls[0]!.fail(refused())
    await expect(answer).rejects.toMatchObject(code('CLOSED'))
  })
})

test('what was refused before says nothing of what waits after an answer', async () => {
  const { calls, ask, clock } = openBatcher()
  const answer = ask('a')
  await turn()
  calls[0]!.fail(refused())
  await turn()
  calls[1]!.reply()
  await answer
  ask('b')
  await turn()
  ask('c')
  await turn()
  await expect(clock.during(ask('d', { ms: 30 }))).rejects.toMatchObject({
    ...code('UNAVAILABLE'),
    cause: { message: expect.stringContaining('not been answered') },
  })
})

test('a port that throws where it is asked whether it is ready fails the calls of that turn, and no later ones', async () => {
  const { calls, ask, partition } = openBatcher()
  const { ready } = partition
  partition.ready = () => {
    throw new Error('broken')
  }
  await expect(ask('a')).rejects.toMatchObject({ cause: { message: 'broken' } })
  partition.ready = ready
  const later = ask('b')
  await turn()
  calls[0]!.reply()
  expect(await later).toBe('b: not_found')
})
