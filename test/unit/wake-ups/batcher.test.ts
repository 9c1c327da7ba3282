import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import { code, openBatcher } from '../../support/open-batcher.js'
import { listeners, settled, TestClock } from '../../support/test-clock.js'

/** A batcher on a clock of its own; outcomes are looked at as they come. */
function stage() {
  const clock = new TestClock(1_000)
  const batcher = openBatcher(10_000, clock)
  const told: string[] = []
  const ask = (id: string, rest: { ms?: number; signal?: AbortSignal; weight?: number } = {}) => {
    const answer = batcher.ask(id, rest)
    answer.then(
      () => told.push(`${id} answered at ${clock.now()}`),
      (error) => told.push(`${id} ${error.code ?? error.message} at ${clock.now()}`),
    )
    return answer
  }
  return { ...batcher, clock, told, ask }
}

describe('deadlines', () => {
  test('a sent item ends at its deadline, not a ms before', async () => {
    const { clock, told, ask } = stage()
    ask('a', { ms: 50 })
    await clock.advance(49)
    expect(told).toEqual([])
    await clock.advance(1)
    expect(told).toEqual(['a UNKNOWN_OUTCOME at 1050'])
    expect(clock.timers).toBe(0)
  })

  test('an item that was never sent ends at its deadline, and those behind it at theirs', async () => {
    const { partition, clock, told, ask } = stage()
    partition.gate = new Promise(() => {})
    for (const ms of [70, 50, 60, 50]) ask(`${ms}`, { ms })
    await clock.advance(100)
    const ended = [50, 50, 60, 70].map((ms) => `${ms} UNAVAILABLE at ${1_000 + ms}`)
    expect(told).toEqual(ended)
    expect(clock.timers).toBe(0)
  })

  test('items of one call and of the next one end each at their own deadline, in any order', async () => {
    const { clock, told, ask } = stage()
    ask('a', { ms: 80 })
    ask('b', { ms: 40 })
    await settled()
    ask('c', { ms: 60 })
    ask('d', { ms: 20 })
    await settled()
    ask('e', { ms: 30 })
    await clock.advance(100)
    expect(told).toEqual([
      ...['d UNKNOWN_OUTCOME at 1020', 'e UNAVAILABLE at 1030', 'b UNKNOWN_OUTCOME at 1040'],
      ...['c UNKNOWN_OUTCOME at 1060', 'a UNKNOWN_OUTCOME at 1080'],
    ])
    expect(clock.timers).toBe(0)
  })

  test('one timer at a time is set, for the earliest deadline', async () => {
    const { clock, ask } = stage()
    ask('a', { ms: 50 })
    ask('b', { ms: 50 })
    ask('c', { ms: 90 })
    expect(clock.due).toEqual([50])
    ask('d', { ms: 30 })
    expect(clock.due).toEqual([30])
    await clock.advance(30)
    expect(clock.due).toEqual([20])
  })

  test('a deadline that has passed already, or lies a fraction of a ms ahead, ends after a ms', async () => {
    const { partition, clock, told, ask } = stage()
    partition.gate = new Promise(() => {})
    ask('past', { ms: -5 })
    ask('soon', { ms: 0.5 })
    expect(clock.due).toEqual([1])
    await clock.advance(1)
    expect(told).toEqual(['past UNAVAILABLE at 1001', 'soon UNAVAILABLE at 1001'])
  })

  test('an item waits no longer than for calls that were given up: the queue goes on without another caller', async () => {
    const { calls, clock, told, ask } = stage()
    for (const id of ['a', 'b']) {
      ask(id, { ms: 40 })
      await settled()
    }
    ask('c', { ms: 500 })
    await clock.advance(39)
    expect(calls).toHaveLength(2)
    await clock.advance(1)
    expect(calls.map(({ ops }) => ops)).toEqual([[{ id: 'a' }], [{ id: 'b' }], [{ id: 'c' }]])
    calls[2]!.reply()
    await settled()
    expect(told.at(-1)).toBe('c answered at 1040')
  })

  test('a call stays open while one of its items may be answered, and its batcher does not send a third', async () => {
    const { calls, clock, ask } = stage()
    ask('a', { ms: 40 })
    ask('patient', { ms: 400 })
    await settled()
    ask('b', { ms: 400 })
    await settled()
    ask('c', { ms: 400 })
    await clock.advance(100)
    expect(calls).toHaveLength(2)
    calls[0]!.reply()
    await settled()
    expect(calls).toHaveLength(3)
  })
})

describe('what a batcher asks of its port', () => {
  /** Counts how often the batcher asks whether the port is ready. */
  function counted() {
    const batcher = stage()
    const { partition } = batcher
    let asked = 0
    const ready = partition.ready.bind(partition)
    partition.ready = () => {
      asked++
      return ready()
    }
    return { ...batcher, asked: () => asked }
  }

  test('whether it is ready: once for all items of a turn, however many come while it is not', async () => {
    const { partition, ask, asked, calls } = counted()
    let open = () => {}
    partition.gate = new Promise((resolve) => {
      open = resolve
    })
    ask('a')
    ask('b')
    await settled()
    ask('c')
    await settled()
    expect(asked()).toBe(1)
    open()
    await settled()
    expect([asked(), calls.length]).toEqual([1, 1])
  })

  test('nothing while two calls are out, or when nothing waits', async () => {
    const { ask, asked, calls, clock } = counted()
    for (const id of ['a', 'b', 'c']) {
      ask(id, { ms: 50 })
      await settled()
    }
    expect(asked()).toBe(2)
    calls[0]!.reply()
    await settled()
    expect(asked()).toBe(3)
    calls[1]!.reply()
    await clock.advance(60)
    expect(asked()).toBe(3)
  })

  test('an item that ended in the queue is never sent, and those beside it are', async () => {
    const { partition, ask, calls, clock, told } = stage()
    let open = () => {}
    partition.gate = new Promise((resolve) => {
      open = resolve
    })
    const abort = new AbortController()
    for (const id of ['a', 'b']) ask(id)
    ask('aborted', { signal: abort.signal })
    ask('late', { ms: 50 })
    for (const id of ['c', 'd']) ask(id, { ms: 51 })
    abort.abort(new Error('no longer'))
    await clock.advance(50)
    expect(told).toEqual(['aborted no longer at 1000', 'late UNAVAILABLE at 1050'])
    open()
    await settled()
    expect(calls.map(({ ops }) => ops)).toEqual([['a', 'b', 'c', 'd'].map((id) => ({ id }))])
  })

  test('a timer for the earliest deadline, and none more for others of the same', async () => {
    const { ask, clock } = stage()
    for (const id of ['a', 'b', 'c']) ask(id, { ms: 50 })
    expect(clock.everSet).toBe(1)
  })
})

describe('undecided items', () => {
  test('are asked again up to the last ms before their deadline, and not at it', async () => {
    const { calls, clock, told, ask } = stage()
    ask('a', { ms: 50 })
    ask('b', { ms: 51 })
    await settled()
    await clock.advance(49)
    calls[0]!.reply([{ status: 'retry' }, { status: 'retry' }])
    await settled()
    expect(calls[1]!.ops).toEqual([{ id: 'a' }, { id: 'b' }])
    expect(told).toEqual([])
  })

  test('a decision that comes at the deadline itself asks nothing again', async () => {
    const clock = new TestClock()
    // A clock whose timer is late: the reply comes first.
    const late = Object.assign(clock, { after: () => ({ cancel: () => {}, keepAlive: () => {} }) })
    const { calls, ask } = openBatcher(10, late)
    const ended = expect(ask('a', { ms: 50 })).rejects.toMatchObject(code('UNKNOWN_OUTCOME'))
    await clock.advance(50)
    calls[0]!.reply([{ status: 'retry' }])
    await ended
    expect(calls).toHaveLength(1)
  })
})

describe('timers and listeners', () => {
  const answers = {
    answer: ({ calls }: ReturnType<typeof stage>) => calls.at(-1)!.reply(),
    failure: ({ calls }: ReturnType<typeof stage>) =>
      calls.at(-1)!.fail(new StockholdError('UNAVAILABLE', 'gone')),
    deadline: ({ clock }: ReturnType<typeof stage>) => clock.advance(30_000),
  }

  test.each(Object.entries(answers))('none is left behind an %s', async (_, end) => {
    const batcher = stage()
    const { signal } = new AbortController()
    for (let round = 0; round < 3; round++) {
      batcher.ask('a', { signal })
      batcher.ask('b', { signal })
      expect([listeners(signal), batcher.clock.keptAliveBy]).toEqual([1, 1])
      await settled()
      await end(batcher)
      await settled()
      expect([listeners(signal), batcher.clock.keptAliveBy]).toEqual([0, 0])
    }
    await batcher.clock.advance(60_000)
    expect(batcher.clock.timers).toBe(0)
    expect(batcher.told).toHaveLength(6)
  })

  test('none is left behind a port that will not be ready', async () => {
    const batcher = stage()
    const { signal } = new AbortController()
    batcher.partition.gate = Promise.reject(new StockholdError('UNAVAILABLE', 'wrong password'))
    batcher.ask('a', { signal })
    await settled()
    expect([listeners(signal), batcher.clock.keptAliveBy]).toEqual([0, 0])
    expect(batcher.told).toEqual(['a UNAVAILABLE at 1000'])
  })

  test('none is left behind an abort, before or after sending', async () => {
    const batcher = stage()
    const [early, late] = [new AbortController(), new AbortController()]
    batcher.ask('a', { signal: early.signal })
    early.abort(new Error('no longer'))
    await settled()
    expect([listeners(early.signal), batcher.clock.keptAliveBy]).toEqual([0, 0])
    batcher.ask('b', { signal: late.signal })
    await settled()
    late.abort()
    await settled()
    expect(listeners(late.signal)).toBe(0)
    batcher.calls[0]!.reply()
    await settled()
    expect(batcher.clock.keptAliveBy).toBe(0)
    expect(batcher.told).toEqual(['a no longer at 1000', 'b UNKNOWN_OUTCOME at 1000'])
  })

  test('the timer keeps the process alive while a call is out or an item waits, and not before or after', async () => {
    const { calls, clock, ask } = stage()
    for (const id of ['a', 'b', 'c', 'd']) ask(id, { weight: 256 })
    await settled()
    for (const [call, keeping] of [1, 1, 1, 0].entries()) {
      expect(clock.keptAliveBy).toBe(1)
      calls[call]!.reply()
      await settled()
      expect(clock.keptAliveBy).toBe(keeping)
    }
    expect(calls).toHaveLength(4)
  })

  test('an item of an idle batcher whose timer is still set keeps the process alive by that timer', async () => {
    const { calls, clock, ask } = stage()
    ask('a', { ms: 50 })
    await settled()
    calls[0]!.reply()
    await settled()
    expect([clock.due, clock.keptAliveBy]).toEqual([[50], 0])
    ask('b', { ms: 90 })
    expect([clock.due, clock.keptAliveBy]).toEqual([[50], 1])
    await clock.advance(50)
    expect([clock.due, clock.keptAliveBy]).toEqual([[40], 1])
  })
})
