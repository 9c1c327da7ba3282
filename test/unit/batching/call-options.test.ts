import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import { code, openBatcher, SOON, turn } from '../../support/open-batcher.js'

describe('maxInFlight', () => {
  test('one more is OVERLOADED at once, and nothing of it is sent; it recovers', async () => {
    const { ask, calls, clock } = openBatcher(2)
    const answers = [ask('a'), ask('b')]
    await expect(ask('c')).rejects.toMatchObject({ ...code('OVERLOADED'), retryable: true })
    await turn()
    expect(calls.map(({ ops }) => ops.length)).toEqual([2])
    calls[0]!.reply()
    await Promise.all(answers)
    const next = [ask('d'), ask('e')]
    await turn()
    calls[1]!.fail(new StockholdError('UNAVAILABLE', 'gone'))
    await Promise.allSettled(next)
    const abort = new AbortController()
    const last = [ask('f', { ms: SOON }), ask('g', { signal: abort.signal })]
    await expect(ask('h')).rejects.toMatchObject(code('OVERLOADED'))
    await clock.advance(SOON)
    abort.abort()
    await Promise.allSettled(last)
    const after = [ask('i'), ask('j')]
    await turn()
    calls.at(-1)!.reply()
    expect(await Promise.all(after)).toEqual(['i: not_found', 'j: not_found'])
  })
})

describe('AbortSignal', () => {
  test('aborted beforehand: nothing is sent, the reason is the error', async () => {
    const { ask, calls } = openBatcher(1)
    const reason = new Error('no longer wanted')
    await expect(ask('a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await turn()
    expect(calls).toEqual([])
    ask('b')
    await turn()
    expect(calls).toHaveLength(1)
  })

  test('aborted in the same turn, or while the partition is not ready: nothing is sent', async () => {
    const { partition, ask, calls } = openBatcher()
    const reason = new Error('no longer wanted')
    const abort = new AbortController()
    const first = ask('a', { signal: abort.signal })
    abort.abort(reason)
    await expect(first).rejects.toBe(reason)
    let openGate = () => {}
    partition.gate = new Promise((resolve) => {
      openGate = resolve
    })
    const second = new AbortController()
    const answer = ask('b', { signal: second.signal })
    await turn()
    second.abort(reason)
    await expect(answer).rejects.toBe(reason)
    partition.gate = undefined
    openGate()
    await turn()
    expect(calls).toEqual([])
  })

  test('aborted after sending: UNKNOWN_OUTCOME with the reason as its cause; the others are answered', async () => {
    const { ask, calls } = openBatcher()
    const abort = new AbortController()
    const reason = new Error('no longer wanted')
    const answer = ask('a', { signal: abort.signal })
    const other = ask('b')
    await turn()
    abort.abort(reason)
    await expect(answer).rejects.toMatchObject({ ...code('UNKNOWN_OUTCOME'), cause: reason })
    calls[0]!.reply()
    expect(await other).toBe('b: not_found')
  })

  test('listeners are removed, however the call ends', async () => {
    const { ask, calls, clock } = openBatcher()
    const { signal } = new AbortController()
    const answers = Array.from({ length: 8 }, (_, i) => ask(`${i}`, { signal }))
    expect(getEventListeners(signal, 'abort').length).toBeGreaterThan(0)
    await turn()
    calls[0]!.reply()
    await Promise.all(answers)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    const failing = ask('f', { signal })
    await turn()
    calls[1]!.fail(new StockholdError('UNAVAILABLE', 'gone'))
    await failing.catch(() => {})
    await clock.during(ask('late', { signal, ms: SOON })).catch(() => {})
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('timers', () => {
  test('an idle batcher keeps no timer that holds the process', async () => {
    const { ask, calls, clock } = openBatcher()
    const answer = ask('a')
    await turn()
    expect(clock.keptAliveBy).toBe(1)
    calls[0]!.reply()
    await answer
    await turn()
    expect(clock.keptAliveBy).toBe(0)
    const next = ask('b')
    await turn()
    expect(clock.keptAliveBy).toBe(1)
    calls[1]!.reply()
    await next
    await turn()
    expect(clock.keptAliveBy).toBe(0)
  })

  test('a batcher whose only call was aborted unsent keeps no timer either', async () => {
    const { ask, clock } = openBatcher()
    const abort = new AbortController()
    const answer = ask('a', { signal: abort.signal })
    abort.abort()
    await answer.catch(() => {})
    await turn()
    expect(clock.keptAliveBy).toBe(0)
  })
})
