import { describe, expect, test } from 'vitest'
import type { CallOptions } from '../../../src/batching/batcher-set.js'
import type { Engine } from '../../../src/engine/engine.js'
import { StockholdError } from '../../../src/errors.js'
import { normalizeRules } from '../../../src/sale/rules.js'
import { SaleClient } from '../../../src/sale/sale-client.js'
import { RoomClient } from '../../../src/waiting-room/room-client.js'
import { checkHandleRules, normalizeRoom } from '../../../src/waiting-room/room-rules.js'
import { settled, TestClock } from '../../support/test-clock.js'

const limits = { deadlineMs: 3_600_000, maxInFlight: 10 }
const sale = {
  rules: normalizeRules({ stock: { a: 1 } }),
  open: (engine: Engine) => new SaleClient('launch', engine, limits),
}
const room = {
  rules: normalizeRoom({}, checkHandleRules({ ratePerSecond: 1 }, null)),
  open: (engine: Engine) =>
    new RoomClient('launch', engine, {
      ...{ ...limits, stated: { sale: null }, pace: { rate: 1, burst: 1 } },
      onSeen: () => {},
    }),
}

describe.each([
  { kind: 'sale', ...sale },
  { kind: 'waiting room', ...room },
])('a handle of a $kind', ({ kind, rules, open }) => {
  /** An engine that answers each call when the test says so. */
  function opened() {
    const asked: { command: string; answer(): Promise<void>; fail(error: unknown): Promise<void> }[] = []
    const present = { rules, revision: 0, everywhere: true }
    const described = {
      ...{ status: 'described', incarnation: 'i', rules, present },
      ...{ complete: true, commitment: 'c' },
    }
    const run = (command: string, ops: readonly unknown[]) =>
      new Promise((resolve, reject) => {
        const reply = { outcome: 'done', now: 1, clock: 1, sequence: 0, answers: ops.map(() => described) }
        asked.push({
          command,
          answer: () => {
            resolve(command === 'sweep' ? { ...reply, answers: [{ next: null }] } : reply)
            return settled()
          },
          fail: (error) => {
            reject(error)
            return settled()
          },
        })
      })
    const port = () => ({ ready: () => undefined, run })
    const clock = new TestClock(1_000)
    const engine = { clock, elapsed: () => 0, partition: port, room: port } as unknown as Engine
    return { handle: open(engine) as Handle, asked }
  }

  test('learns it once for all calls, and a call that is aborted meanwhile ends at once', async () => {
    const { handle, asked } = opened()
    const [first, second] = [new AbortController(), new AbortController()]
    const calls = [first.signal, undefined, second.signal].map((signal) =>
      outcome(handle.learn(handle.call({ signal }))),
    )
    await settled()
    first.abort('the first has gone')
    expect(await now(calls[0])).toBe('the first has gone')
    second.abort('the third has gone')
    expect(await now(calls[2])).toBe('the third has gone')
    expect(asked.map(({ command }) => command)).toEqual(['describe'])
    await asked[0]!.answer()
    expect(await calls[1]).toBe(handle.known)
    expect(handle.learn(handle.call())).toBe(handle.known)
  })

  test('asks again after it could not be learned', async () => {
    const { handle, asked } = opened()
    const failed = outcome(handle.learn(handle.call()))
    await settled()
    await asked[0]!.fail(new StockholdError('UNAVAILABLE', 'away'))
    expect(await failed).toMatchObject({ code: 'UNAVAILABLE' })
    const learned = outcome(handle.learn(handle.call()))
    await settled()
    await asked[1]!.answer()
    expect(await learned).toBe(handle.known)
    expect(handle.known).toBeDefined()
  })

  test('refuses calls once it was closed', () => {
    const { handle } = opened()
    handle.close()
    const message = `This handle of the ${kind} was closed. Nothing was sent.`
    expect(() => handle.call()).toThrow(expect.objectContaining({ code: 'CLOSED', message }))
  })
})

interface Handle {
  readonly known: unknown
  call(options?: { signal: AbortSignal | undefined }): CallOptions
  learn(call: CallOptions): unknown
  close(): void
}

/** What a promise is fulfilled with, or rejected. */
const outcome = (promise: unknown) => Promise.resolve(promise).catch((error) => error)

/** What a promise comes to in this turn of the event loop. */
const now = (promise: unknown) => Promise.race([promise, settled().then(() => 'still waits')])
