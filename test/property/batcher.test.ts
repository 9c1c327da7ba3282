import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { batcherFor } from '../../src/batching/batcher-set.js'
import { type InFlightLimit, Session } from '../../src/batching/session.js'
import type { FinalAnswer, Op, Partition } from '../../src/engine/engine.js'
import { NotReadyError, StockholdError } from '../../src/errors.js'
import { memoryEngine } from '../../src/memory-engine/memory-engine.js'
import { type Fate, faultyPartition } from '../support/faulty-partition.js'
import { seeded } from '../support/seeds.js'

const RULES = {
  skus: [{ sku: 'a', stock: 1_000, limit: null }],
  holdMs: 60_000,
  maxHoldMs: 60_000,
  opensAt: null,
  closesAt: null,
  partitions: 1,
}
const CALL = { incarnation: null, deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }

/** One caller: how much it buys, and when it loses patience. */
interface Caller {
  readonly quantity: number
  readonly aborts: boolean
  /** Comes when the scheduler lets it, not at once. */
  readonly comesLater: boolean
  /** Of a batch's 256. */
  readonly weight: number
  readonly deadlineMs: number
}

const caller: fc.Arbitrary<Caller> = fc.record({
  quantity: fc.integer({ min: 1, max: 9 }),
  aborts: fc.constantFrom(false, false, false, true),
  comesLater: fc.boolean(),
  weight: fc.constantFrom(1, 1, 100),
  deadlineMs: fc.constantFrom(5, 50, 50, 50),
})
const fates: fc.Arbitrary<Fate[]> = fc.array(
  fc.constantFrom<Fate>(
    'answered',
    'answered',
    'answered',
    'refused',
    'not ready',
    'reply lost',
    'never settled',
    'retry',
  ),
  { maxLength: 30 },
)

beforeEach(() => {
  // Deadlines come when the schedule is over, not when the machine is slow.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  vi.spyOn(performance, 'now').mockImplementation(() => Date.now())
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

type Outcome = { readonly answer: FinalAnswer<'reserve'> } | { readonly error: unknown }

function idOf(caller: number): string {
  return `1AA${'B'.repeat(8)}${String(caller).padStart(8, '0')}`
}

/**
 * All that follows by itself has happened: the memory engine answers in a later turn of the event
 * loop.
 */
async function calm(): Promise<void> {
  for (let i = 0; i < 3; i++) await setImmediate()
}

/** Lets one thing after another happen until nothing is left that could. */
async function playOut(scheduler: fc.Scheduler): Promise<void> {
  for (await calm(); scheduler.count() > 0; await calm()) await scheduler.waitOne()
}

async function story(
  scheduler: fc.Scheduler,
  callers: readonly Caller[],
  fate: readonly Fate[],
  away: readonly boolean[],
) {
  const engine = memoryEngine({ now: () => 1_000_000 + performance.now() })
  const inner: Partition = engine.partition('s', 0, 1)
  await inner.run('create', [{ rules: RULES, incarnation: 'token', complete: true }], CALL)
  const { partition, executions, heal } = faultyPartition(inner, scheduler, fate, away)
  const gate: InFlightLimit = { max: 1_000, open: 0 }
  const session = new Session('s', gate)
  session.history.incarnation = 'token'
  const batcher = batcherFor(partition, 'reserve', session, 'writes')

  const outcomes: (Outcome | undefined)[] = callers.map(() => undefined)
  const reason = new Error('lost patience')
  callers.forEach(async ({ quantity, aborts, comesLater, weight, deadlineMs }, i) => {
    if (comesLater) await scheduler.schedule(Promise.resolve(), `caller ${i} comes`)
    const abort = new AbortController()
    const op: Op<'reserve'> = {
      id: idOf(i),
      buyer: `b${i}`,
      cart: [[0, quantity]],
      key: null,
      holdMs: 60_000,
    }
    if (aborts)
      void scheduler.schedule(Promise.resolve(), `caller ${i} aborts`).then(() => abort.abort(reason))
    await batcher
      .submit(op, performance.now() + deadlineMs, weight, (answer) => answer, abort.signal)
      .then(
        (answer) => {
          outcomes[i] = { answer }
        },
        (error: unknown) => {
          outcomes[i] = { error }
        },
      )
  })
  for (const ms of [2, 4, 30])
    void scheduler.schedule(Promise.resolve(), `${ms} ms pass`).then(() => vi.advanceTimersByTime(ms))
  await playOut(scheduler)
  await vi.advanceTimersByTimeAsync(10)
  await playOut(scheduler)
  // Whoever has heard nothing by now hears it from the deadline.
  await vi.advanceTimersByTimeAsync(100)
  await calm()
  const openAfter = gate.open
  await playOut(scheduler)
  // Once the faults stop, whoever asks is answered, whatever was lost before.
  heal()
  const last = { id: idOf(callers.length), buyer: 'last', cart: [[0, 1]], key: null, holdMs: 60_000 } as const
  let afterwards: unknown
  batcher
    .submit(last, performance.now() + 50, 1, ({ status }) => status)
    .then(
      (status) => {
        afterwards = status
      },
      (error: unknown) => {
        afterwards = error
      },
    )
  await playOut(scheduler)
  return { outcomes, executions, openAfter, afterwards, reason, inner }
}

test('every caller hears once, of its own request; nothing is carried out twice, nothing that is UNAVAILABLE at all', async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(caller, { minLength: 1, maxLength: 30 }),
      fates,
      fc.array(fc.constantFrom(false, false, false, true), { maxLength: 10 }),
      async (scheduler, callers, fate, away) => {
        const { outcomes, executions, openAfter, afterwards, reason, inner } = await story(
          scheduler,
          callers,
          fate,
          away,
        )
        expect(openAfter, 'calls that are counted as open').toBe(0)
        expect(afterwards, 'the answer once the faults have stopped').toBe('reserved')
        for (const [i, outcome] of outcomes.entries()) {
          const executed = executions.get(idOf(i)) ?? 0
          expect(executed, 'executions').toBeLessThanOrEqual(1)
          expect(outcome, 'what the caller heard').toBeDefined()
          if (outcome && 'answer' in outcome) {
            seen.add('answer')
            expect(executed).toBe(1)
            expect(outcome.answer).toMatchObject({
              status: 'reserved',
              reservation: { id: idOf(i), buyer: `b${i}`, cart: [[0, callers[i]!.quantity]] },
            })
            continue
          }
          const error = outcome?.error
          if (error === reason) {
            seen.add('aborted')
            expect(executed, 'after an abort that says nothing was sent').toBe(0)
            continue
          }
          expect(error).toBeInstanceOf(StockholdError)
          const { code } = error as StockholdError
          seen.add(code)
          expect(['UNAVAILABLE', 'UNKNOWN_OUTCOME']).toContain(code)
          expect(error, 'what is for the batcher alone').not.toBeInstanceOf(NotReadyError)
          if (code === 'UNAVAILABLE') expect(executed, 'executions of an UNAVAILABLE one').toBe(0)
        }
        const reply = await inner.run('stats', [{}], { ...CALL, incarnation: 'token' })
        const sold = callers.reduce(
          (sum, { quantity }, i) => sum + quantity * (executions.get(idOf(i)) ?? 0),
          1,
        )
        expect(reply).toMatchObject({ answers: [{ skus: [{ held: sold }] }] })
      },
    ),
    seeded(400),
  )
  expect([...seen].sort()).toEqual(['UNAVAILABLE', 'UNKNOWN_OUTCOME', 'aborted', 'answer'])
})

test('each caller has an error of its own', async () => {
  const session = new Session('s', { max: 10, open: 0 })
  const failing: Partition = {
    ready: () => undefined,
    run: () => Promise.reject(new StockholdError('UNAVAILABLE', 'away')),
  }
  const batcher = batcherFor(failing, 'get', session, 'reads')
  const errors = await Promise.all(
    [0, 1].map(() =>
      batcher.submit({ id: idOf(0) }, performance.now() + 50, 1, () => {}).catch((error) => error),
    ),
  )
  expect(errors[0]).not.toBe(errors[1])
})
