import { performance } from 'node:perf_hooks'
import { describe, expect, test, vi } from 'vitest'
import { batcherFor } from '../../../src/batching/batcher.js'
import { Session } from '../../../src/batching/session.js'
import type { Commands } from '../../../src/engine/engine.js'
import { NotReadyError, StockholdError } from '../../../src/errors.js'
import { FakePartition } from '../../support/fake-partition.js'
import { code, SOON, turn } from '../../support/open-batcher.js'

/** Something that is told when the test says so. */
function later<T>() {
  let tell!: (value: T) => void
  const told = new Promise<T>((resolve) => {
    tell = resolve
  })
  return { told, tell }
}

describe('the time of the server', () => {
  const inLane = (command: 'get' | 'describe', time: () => Promise<number>) => {
    const partition = Object.assign(new FakePartition(), { time })
    const session = new Session('sale', { max: 10, open: 0 })
    const lane = batcherFor<Commands, typeof command>(partition, command, session, 'reads')
    const ask = (ms = 30_000) => {
      const answer = lane.submit({ id: 'a' }, performance.now() + ms, 1, ({ status }) => status)
      answer.catch(() => {})
      return answer
    }
    return { session, partition, ask, calls: partition.calls }
  }
  /** The server is a million ms ahead of this process. */
  const ahead = async () => performance.now() + 1_000_000

  test('is asked for before the first call, which has a deadline by it, and never again', async () => {
    const time = vi.fn(ahead)
    const { ask, calls } = inLane('get', time)
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
    const { ask, calls } = inLane('describe', time)
    ask()
    await turn()
    expect(calls).toHaveLength(1)
    expect(time).not.toHaveBeenCalled()
  })

  test('cannot be learned: UNAVAILABLE, and nothing is sent; the next call asks again', async () => {
    const time = vi.fn(ahead).mockRejectedValueOnce(new StockholdError('UNAVAILABLE', 'away'))
    const { ask, calls } = inLane('get', time)
    await expect(ask()).rejects.toMatchObject({ ...code('UNAVAILABLE'), message: 'away' })
    expect(calls).toEqual([])
    ask()
    await turn()
    expect(calls).toHaveLength(1)
  })

  test('is asked for again where the port turned out not to be ready', async () => {
    const time = vi.fn(ahead).mockRejectedValueOnce(new NotReadyError('refused', new Error('MOVED')))
    const { ask, calls } = inLane('get', time)
    const answer = ask()
    await turn()
    expect(time).toHaveBeenCalledTimes(2)
    calls[0]!.reply()
    expect(await answer).toBe('not_found')
  })

  test('does not come before the deadline: UNAVAILABLE, and nothing is ever sent', async () => {
    const { told, tell } = later<number>()
    const { ask, calls } = inLane('get', () => told)
    await expect(ask(SOON)).rejects.toMatchObject(code('UNAVAILABLE'))
    tell(5)
    await turn()
    expect(calls).toEqual([])
  })

  test('a port that was ready and no longer is when the time has come is waited for', async () => {
    const { told, tell } = later<number>()
    const { ask, calls, partition } = inLane('get', () => told)
    ask()
    await turn()
    const gate = later<void>()
    partition.gate = gate.told
    tell(5)
    await turn()
    expect(calls).toEqual([])
    gate.tell()
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

    test('is never taken for later than it can be', () => {
      const of = session()
      expect(of.serverClock(0)).toBe(Number.MAX_SAFE_INTEGER)
      observe(of, 0, 100, 5_050)
      expect(of.serverClock(200)).toBe(5_150)
      observe(of, 200, 210, 5_205)
      expect(of.serverClock(300)).toBe(5_295)
      observe(of, 300, 500, 5_400)
      expect(of.serverClock(600)).toBe(5_595)
    })

    test('a clock that is set back, or forward, is followed with the first reply that shows it', () => {
      const of = session()
      observe(of, 0, 10, 60_000)
      observe(of, 1_000, 1_010, 51_005)
      expect(of.serverClock(2_000)).toBe(51_995)
      observe(of, 3_000, 3_010, 90_000)
      expect(of.serverClock(4_000)).toBe(90_990)
    })

    test('a process whose own clock leaps follows it as well', () => {
      const of = session()
      observe(of, 0, 10, 60_000)
      observe(of, 9_000_000, 9_000_010, 61_000)
      expect(of.serverClock(9_000_000)).toBe(60_990)
    })
  })
})
