import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test, vi } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import type { BatchMessage, CallMessage } from '../../../src/index.js'
import { CallCounts } from '../../../src/telemetry/call-counts.js'
import { isObserved, noteAsked, runOwn } from '../../../src/telemetry/open-calls.js'
import { type CallSubject, reportCalls } from '../../../src/telemetry/report-calls.js'
import { openBatcher, turn } from '../../support/open-batcher.js'
import { Told } from '../../support/telemetry.js'
import { TestClock } from '../../support/test-clock.js'

const clock = new TestClock()

class Base {
  inherited(): Promise<string> {
    return Promise.resolve('open')
  }
}

/** A handle whose methods do what a test says. */
function handle(
  work: (first?: unknown, second?: unknown, third?: unknown) => unknown,
  of = 'handle',
  counts?: CallCounts,
) {
  const subject = vi.fn((): CallSubject => ({ sale: of, room: null, group: null, clock }))
  class Handle extends Base {
    command(first?: unknown, second?: unknown, third?: unknown): unknown {
      return work.call(this, first, second, third)
    }
    helper(): string {
      return 'no command'
    }
  }
  reportCalls(Handle, subject, () => counts && { all: counts, sale: of }, ['helper'])
  return { handle: new Handle(), subject }
}

/** The channel is the process', and engines of other files may still beat in it. */
function noteOwn(seen: BatchMessage[]) {
  return (message: unknown) => {
    const batch = message as BatchMessage
    // Of a batcher that belongs to no sale.
    if (batch.command === 'get' && batch.sale === null) seen.push(batch)
  }
}

test('while nothing subscribes, nothing is made and the arguments arrive', async () => {
  const work = vi.fn(() => noteAsked(1).calls[0])
  const { handle: one, subject } = handle(work)
  expect(one.command(1, { signal: undefined }, 'three')).toBeUndefined()
  expect(await one.inherited()).toBe('open')
  expect(work.mock.calls).toEqual([[1, { signal: undefined }, 'three']])
  expect(work.mock.contexts[0]).toBe(one)
  expect(subject).not.toHaveBeenCalled()
  expect(isObserved()).toBe(false)
  const { ask, calls } = openBatcher()
  ask('a')
  await turn()
  expect(calls).toHaveLength(1)
})

test('methods keep their names; what is no command is not told', async () => {
  const { handle: one } = handle(() => 'x', 'named')
  const told = new Told('named')
  expect([one.command.name, one.inherited.name]).toEqual(['command', 'inherited'])
  one.helper()
  await one.inherited()
  expect(told.calls.map(Told.line)).toEqual(['inherited open memory'])
})

test.each([
  ['a status', { status: 'sold_out' }, 'sold_out'],
  ['a replayed result', { status: 'held', replayed: true }, 'held replayed'],
  ['a state', 'paused', 'paused'],
  ['a change', { created: true }, 'created'],
  ['no change', { created: false }, 'not_created'],
  ['a list', [1, 2], 'ok'],
  ['nothing', undefined, 'ok'],
  ['a number', 3, 'ok'],
  ['no', false, 'not_found'],
  ['yes', true, 'ok'],
  ['other facts', { ok: false, skus: {} }, 'ok'],
  ['a clean audit', { ok: true, violations: [] }, 'ok'],
  ['an audit that found something', { ok: false, violations: [1] }, 'violated'],
])('%s is told as its status', async (_, result, status) => {
  const { handle: one } = handle(async () => result, 'status')
  const told = new Told('status')
  expect(await one.command()).toBe(result)
  expect(told.calls.map(Told.line)).toEqual([`command ${status} memory`])
})

test('errors are told by their code, and reach the caller as they are', async () => {
  const reason = new Error('enough')
  const signal = AbortSignal.abort(reason)
  const errors: [unknown, string, ...unknown[]][] = [
    [new StockholdError('OVERLOADED', 'too many'), 'OVERLOADED'],
    [reason, 'ABORTED', 'id', { signal }],
    [reason, 'OTHER', 'id', { signal: AbortSignal.abort(new Error('enough')) }],
    [undefined, 'OTHER'],
  ]
  for (const [error, code, ...args] of errors)
    for (const fail of [() => Promise.reject(error), thrower(error)]) {
      const { handle: one } = handle(fail, 'errors')
      const told = new Told('errors')
      const caught = await (async () => one.command(...args))().then(
        () => expect.fail('resolved'),
        (thrown) => ({ thrown }),
      )
      expect(caught.thrown).toBe(error)
      expect(told.calls.map(({ code: c, error: e, status }) => [c, e, status])).toEqual([[code, error, null]])
    }
})

function thrower(error: unknown) {
  return () => {
    throw error
  }
}

test('a call that the library makes itself is not told, and is work of no call', async () => {
  const inner = handle(async () => noteAsked(3), 'nested')
  const outer = handle(() => runOwn(() => inner.handle.command()), 'nested')
  const told = new Told('nested')
  expect(await outer.handle.command()).toEqual({ calls: [], since: 3 })
  expect(told.calls.map(Told.line)).toEqual(['command ok memory'])
})

test('what a call leaves running belongs to no call once it is over', async () => {
  let after: Promise<unknown> | undefined
  const { handle: one } = handle(async () => {
    expect(noteAsked(0).calls).toHaveLength(1)
    after = new Promise((resolve) => setImmediate(() => resolve(noteAsked(7))))
  })
  new Told('handle')
  await one.command()
  expect(await after).toEqual({ calls: [], since: 7 })
})

test('a result is there before the end is told, and takes the time of the clock', async () => {
  const { handle: one } = handle(() => clock.advance(40).then(() => ({ status: 'done' })), 'timed')
  const calls = tracingChannel<unknown, CallMessage>('stockhold:call')
  const seen: unknown[] = []
  const note = (name: string) => (message: unknown) => {
    const { status, durationMs } = message as CallMessage
    seen.push([name, status, durationMs])
  }
  const handlers = {
    ...{ start: note('start'), end: note('end'), error: note('error') },
    ...{ asyncStart: note('asyncStart'), asyncEnd: note('asyncEnd') },
  }
  calls.subscribe(handlers)
  onTestFinished(() => void calls.unsubscribe(handlers))
  await one.command()
  expect(seen).toEqual([
    ['start', null, null],
    ['end', null, null],
    ['asyncStart', 'done', 40],
    ['asyncEnd', 'done', 40],
  ])
})

test('calls are followed for subscribers of batches alone, and no longer than there is one', async () => {
  const seen: BatchMessage[] = []
  const listener = noteOwn(seen)
  const { ask, calls } = openBatcher()
  const { handle: one } = handle(() => ask('a'), 'batched')
  subscribe('stockhold:batch', listener)
  const answer = one.command()
  await turn()
  calls[0]!.reply()
  await answer
  expect(seen.map(({ calls: [call] }) => call?.status)).toEqual(['a: not_found'])
  unsubscribe('stockhold:batch', listener)
  const { handle: other, subject } = handle(() => noteAsked(1).calls[0])
  expect(other.command()).toBeUndefined()
  expect(subject).not.toHaveBeenCalled()
})

test('a batch tells its size, how long its oldest item has waited, and what it took', async () => {
  const seen: BatchMessage[] = []
  const listener = noteOwn(seen)
  subscribe('stockhold:batch', listener)
  onTestFinished(() => void unsubscribe('stockhold:batch', listener))
  const { clock: timers, ask, calls } = openBatcher()
  for (const id of ['a', 'b']) {
    ask(id)
    await turn()
  }
  ask('c')
  await timers.advance(5)
  ask('d')
  await timers.advance(7)
  calls[0]!.reply(undefined, { now: 1_000 })
  await turn()
  await timers.advance(3)
  calls[2]!.reply(undefined, { now: 2_000 })
  calls[1]!.fail(new StockholdError('UNAVAILABLE', 'away'))
  await turn()
  const common = { command: 'get', sale: null, room: null, partition: null, calls: [] }
  expect(seen).toEqual([
    { ...common, size: 1, waitedMs: 0, durationMs: 12, outcome: 'done', serverTime: 1_000 },
    { ...common, size: 2, waitedMs: 12, durationMs: 3, outcome: 'done', serverTime: 2_000 },
    {
      ...{ ...common, size: 1, waitedMs: 0, durationMs: 15, outcome: 'failed', serverTime: null },
      error: expect.objectContaining({ code: 'UNAVAILABLE' }),
    },
  ])
})

test('every call is counted by its status or code, with a subscriber and without', async () => {
  const counts = new CallCounts(clock)
  const failure = new StockholdError('OVERLOADED', 'too many')
  const { handle: one } = handle(
    async (what) => {
      await clock.advance(20)
      if (what instanceof Error) throw what
      return { status: what }
    },
    'counted',
    counts,
  )
  const open = one.command('sold_out')
  expect(counts.open).toBe(1)
  expect(await open).toEqual({ status: 'sold_out' })
  await one.command('reserved')
  await expect(one.command(failure)).rejects.toBe(failure)
  const told = new Told('counted')
  await one.command('reserved')
  expect(told.calls).toHaveLength(1)
  await one.inherited()
  await runOwn(() => one.command('reserved'))
  const { handle: sync } = handle(
    (what) => {
      if (what instanceof Error) throw what
      return 'done'
    },
    'sync',
    counts,
  )
  expect(sync.command()).toBe('done')
  expect(() => sync.command(failure)).toThrow(failure)
  expect(counts.open).toBe(0)
  expect(counts.counts).toEqual({
    command: { sold_out: 1, reserved: 2, OVERLOADED: 2, done: 1 },
    inherited: { open: 1 },
  })
})

test('a call that fails and is not awaited is unhandled once, counted or not', async () => {
  const unhandled: unknown[] = []
  const listener = (error: unknown) => void unhandled.push(error)
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', listener)
  onTestFinished(() => {
    process.off('unhandledRejection', listener)
    for (const other of others) process.on('unhandledRejection', other)
  })
  const error = new Error('lost')
  void handle(() => Promise.reject(error), 'unhandled', new CallCounts(clock)).handle.command()
  await turn()
  await turn()
  expect(unhandled).toEqual([error])
})

test('the durations are those since the latest reading, and outcomes are bounded', async () => {
  const counts = new CallCounts(clock)
  const call = async (ms: number) => {
    counts.open++
    const begunAt = clock.now()
    await clock.advance(ms)
    counts.end(null, 'reserve', 'reserved', begunAt)
  }
  for (let i = 0; i < 98; i++) await call(10)
  await call(500)
  await call(500)
  const { reserve } = counts.takeLatencies()
  expect(reserve!.calls).toBe(100)
  expect(reserve!.p50Ms / 10).toBeCloseTo(1, 1)
  expect(reserve!.p99Ms / 500).toBeCloseTo(1, 1)
  expect(counts.takeLatencies()).toEqual({})
  await call(0)
  expect(counts.takeLatencies()).toMatchObject({ reserve: { calls: 1 } })
  for (let i = 0; i < 100; i++) counts.end(null, 'poll', `outcome ${i}`, clock.now())
  expect(Object.keys(counts.counts.poll!)).toHaveLength(32)
  counts.end(null, 'poll', 'outcome 0', clock.now())
  expect(counts.counts.poll).toMatchObject({ 'outcome 0': 2 })
})
