import { performance } from 'node:perf_hooks'
import { describe, expect, test, vi } from 'vitest'
import { batcherFor } from '../../../src/batching/batcher-set.js'
import { Session } from '../../../src/batching/session.js'
import type { Commands } from '../../../src/engine/engine.js'
import { NotReadyError, StockholdError } from '../../../src/errors.js'
import { FakePartition } from '../../support/fake-partition.js'
import { code, SOON, turn } from '../../support/open-batcher.js'

/** A promise that the test resolves. */
function later<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

describe('the time of the server', () => {
  const batcherOf = (command: 'get' | 'describe', time: () => Promise<number>) => {
    const partition = Object.assign(new FakePartition(), { time })
    const session = new Session('sale', { max: 10, open: 0 })
    const batcher = batcherFor<Commands, typeof command>(partition, command, session, 'reads')
    const ask = (ms = 30_000) => {
      const answer = batcher.submit({ id: 'a' }, performance.now() + ms, 1, ({ status }) => status)
      answer.catch(() => {})
      return answer
    }
    return { session, partition, ask, calls: partition.calls }
  }
  /** The server is a million ms ahead of this process. */
  const ahead = async () => performance.now() + 1_000_000

  test('is asked for before the first call, which has a deadline by it, and never again', async () => {
    const time = vi.fn(ahead)
    const { ask, calls } = batcherOf('get', time)
    const latest = performance.now() + 1_030_001
    ask()
    ask()
    await turn()
    expect(calls[0]!.call.deadline).toBeGreaterThan(1_030_000)
    expect(calls[0]!.call.deadline).toBeLessThan(latest + 1_000)
    calls[0]!.reply(undefined, { now: Math.floor(performance.now()) + 1_000_000 })
    await turn()
    ask()
    await turn()
    expect(time).toHaveBeenCalledTimes(1)
  })

  test('is not asked for by a command that changes nothing and tells it', async () => {
    const time = vi.fn(ahead)
    const { ask, calls } = batcherOf('describe', time)
    ask()
    await turn()
    expect(calls).toHaveLength(1)
    expect(time).not.toHaveBeenCalled()
  })

  test('cannot be learned: UNAVAILABLE, and nothing is sent; the next call asks again', async () => {
    const time = vi.fn(ahead).mockRejectedValueOnce(new StockholdError('UNAVAILABLE', 'away'))
    const { ask, calls } = batcherOf('get', time)
    await expect(ask()).rejects.toMatchObject({ ...code('UNAVAILABLE'), message: 'away' })
    expect(calls).toEqual([])
    ask()
    await turn()
    expect(calls).toHaveLength(1)
  })

  test('is asked for again where the port turned out not to be ready', async () => {
    const time = vi.fn(ahead).mockRejectedValueOnce(new NotReadyError('refused', new Error('MOVED')))
    const { ask, calls } = batcherOf('get', time)
    const answer = ask()
    await turn()
    expect(time).toHaveBeenCalledTimes(2)
    calls[0]!.reply()
    expect(await answer).toBe('not_found')
  })

  test('does not come before the deadline: UNAVAILABLE, and nothing is ever sent', async () => {
    const time = later<number>()
    const { ask, calls } = batcherOf('get', () => time.promise)
    await expect(ask(SOON)).rejects.toMatchObject(code('UNAVAILABLE'))
    time.resolve(5)
    await turn()
    expect(calls).toEqual([])
  })

  test('a port that was ready and no longer is when the time has come is waited for', async () => {
    const time = later<number>()
    const { ask, calls, partition } = batcherOf('get', () => time.promise)
    ask()
    await turn()
    const gate = later<void>()
    partition.gate = gate.promise
    time.resolve(5)
    await turn()
    expect(calls).toEqual([])
    gate.resolve()
    await turn()
    expect(calls).toHaveLength(1)
  })

  describe('as a session measures it', () => {
    let local = 0
    const timing = { now: () => local, random: () => 0, after: () => ({ cancel() {}, keepAlive() {} }) }
    const session = () => new Session('sale', { max: 1, open: 0 }, timing)
    /** A reply that tells `now`, and was on its way between these moments. */
    const observe = (to: Session, sentAt: number, cameAt: number, now: number) => {
      local = cameAt
      to.recordReply({ outcome: 'missing', now }, sentAt)
    }

    test('is unknown before the first reply', () => {
      expect(session().time.at(0)).toBe(Number.MAX_SAFE_INTEGER)
    })

    /** A reply, and what the session then takes for the server's time at a later moment. */
    type Observed = [sentAt: number, cameAt: number, now: number, at: number, taken: number]
    test.each<[string, Observed[]]>([
      [
        'is never taken for later than it can be',
        [
          [0, 100, 5_050, 200, 5_150],
          [200, 210, 5_205, 300, 5_295],
          [300, 500, 5_400, 600, 5_595],
        ],
      ],
      [
        'follows a clock that is set back, or forward, from the first reply that shows it',
        [
          [0, 10, 60_000, 20, 60_010],
          [1_000, 1_010, 51_005, 2_000, 51_995],
          [3_000, 3_010, 90_000, 4_000, 90_990],
        ],
      ],
      [
        'follows the server after the clock of its own process has leapt',
        [
          [0, 10, 60_000, 20, 60_010],
          [9_000_000, 9_000_010, 61_000, 9_000_000, 60_990],
        ],
      ],
    ])('%s', (_, replies) => {
      const of = session()
      for (const [sentAt, cameAt, now, at, taken] of replies) {
        observe(of, sentAt, cameAt, now)
        expect(of.time.at(at)).toBe(taken)
      }
    })
  })
})
