import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test, vi } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import type { BatchMessage, CallMessage } from '../../../src/index.js'
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
function handle(work: (first?: unknown, second?: unknown, third?: unknown) => unknown, of = 'handle') {
  const subject = vi.fn((): CallSubject => ({ sale: of, room: null, group: null, clock }))
  class Handle extends Base {
    command(first?: unknown, second?: unknown, third?: unknown): unknown {
      return work.call(this, first, second, third)
    }
    helper(): string {
      return 'no command'
    }
  }
  reportCalls(Handle, subject, ['helper'])
  return { handle: new Handle(), subject }
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
  const listener = (message: unknown) => void seen.push(message as BatchMessage)
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
  const listener = (message: unknown) => void seen.push(message as BatchMessage)
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
