import { expect, test } from 'vitest'
import type { Reservation } from '../../src/index.js'
import type { Answer, Call } from '../model/call.js'
import { checkHistory } from './history/check.js'
import type { Execution, Operation } from './history/operation.js'

const rules = { stock: { a: 1 }, holdMs: 100, maxHoldMs: 100 }

let orders = 0

/** An operation from one moment to another. */
function operation(
  [from, to]: readonly [number, number | undefined],
  call: Call,
  answer?: Answer,
  more: { at?: number; silent?: readonly Execution[] } = {},
): Operation {
  const stamp = (order: number) => ({ order, ms: order })
  const execution = more.at === undefined ? undefined : { at: more.at, order: ++orders }
  return {
    process: 'p1',
    call,
    invoked: stamp(from),
    returned: to === undefined ? undefined : stamp(to),
    outcome: answer ? { kind: 'ok', answer, execution } : { kind: 'unknown', code: 'UNKNOWN_OUTCOME' },
    silent: more.silent ?? (answer ? [] : undefined),
  }
}

function reserve(buyer: string, key: string | null = null): Call {
  return { do: 'reserve', buyer, items: [{ sku: 'a', quantity: 1 }], key, holdMs: null }
}

function made(id: string, buyer: string, at: number): Reservation {
  const items = [{ sku: 'a', quantity: 1 }]
  return { id, buyer, items, state: 'held', key: null, createdAt: at, expiresAt: at + 100 }
}

function reserved(id: string, buyer: string, at: number): Answer {
  return { status: 'reserved', reservation: made(id, buyer, at), replayed: false }
}

const soldOut = { status: 'sold_out', sku: 'a', available: 0, mayReturn: true }

function verdictOf(...operations: Operation[]) {
  return checkHistory(operations, rules).kind
}

test('of two at the same time, either may have been first', () => {
  const first = operation([1, 4], reserve('ann'), soldOut, { at: 10 })
  const second = operation([2, 3], reserve('bob'), reserved('r1', 'bob', 10), { at: 10 })
  expect(verdictOf(first, second)).toBe('explained')
})

test('a call that returned before another was made came first', () => {
  const first = operation([1, 2], reserve('ann'), soldOut, { at: 10 })
  const second = operation([3, 4], reserve('bob'), reserved('r1', 'bob', 10), { at: 10 })
  expect(verdictOf(first, second)).toBe('violated')
})

test('the last unit is sold twice', () => {
  const first = operation([1, 4], reserve('ann'), reserved('r1', 'ann', 10), { at: 10 })
  const second = operation([2, 3], reserve('bob'), reserved('r2', 'bob', 11), { at: 11 })
  const verdict = checkHistory([first, second], rules)
  expect(verdict.kind).toBe('violated')
  expect(verdict.kind === 'violated' && verdict.report()).toContain('by the rules      sold_out')
})

test('an unknown operation may have happened, or not, but not before it was called', () => {
  const unknown = operation([1, undefined], reserve('ann'))
  expect(verdictOf(unknown, operation([2, 3], reserve('bob'), soldOut))).toBe('explained')
  expect(verdictOf(unknown, operation([2, 3], reserve('bob'), reserved('r1', 'bob', 5)))).toBe('explained')
  const later = operation([4, undefined], reserve('ann'))
  expect(verdictOf(later, operation([2, 3], reserve('bob'), soldOut))).toBe('violated')
})

test('one that failed has not happened', () => {
  const failed: Operation = {
    ...operation([1, 2], reserve('ann')),
    outcome: { kind: 'fail', code: 'UNAVAILABLE' },
  }
  expect(verdictOf(failed, operation([3, 4], reserve('bob'), soldOut))).toBe('violated')
})

test('a hold expires by the time of the answers, not before', () => {
  const hold = operation([1, 2], reserve('ann'), reserved('r1', 'ann', 10), { at: 10 })
  const early = operation([3, 4], reserve('bob'), reserved('r2', 'bob', 109), { at: 109 })
  const inTime = operation([3, 4], reserve('bob'), reserved('r2', 'bob', 110), { at: 110 })
  expect(verdictOf(hold, early)).toBe('violated')
  expect(verdictOf(hold, inTime)).toBe('explained')
})

test('what changes nothing at one place may be needed at another', () => {
  const pause = operation([1, 8], { do: 'control', action: 'pause' }, { status: 'paused' }, { at: 10 })
  const resume = operation([2, 7], { do: 'control', action: 'resume' }, { status: 'open' }, { at: 10 })
  const after = operation([9, 10], reserve('ann'), reserved('r1', 'ann', 11), { at: 11 })
  expect(verdictOf(pause, resume, after)).toBe('explained')
})

test('nothing is changed before what was changed already', () => {
  const restock = (at: number, key: string): Operation =>
    operation(
      at > 10 ? [1, 2] : [3, 4],
      { do: 'restock', sku: 'a', quantity: 1, key },
      { status: 'restocked', sku: 'a', applied: 1, replayed: false },
      { at },
    )
  expect(verdictOf(restock(20, 'k1'), restock(10, 'k2'))).toBe('violated')
})

test('a request that was delivered twice is answered as it was the first time', () => {
  const twice = operation([1, 9], reserve('ann'), reserved('r1', 'ann', 10), {
    at: 50,
    silent: [{ at: 10, order: 0 }],
  })
  expect(verdictOf(twice)).toBe('explained')
  const once = operation([1, 9], reserve('ann'), reserved('r1', 'ann', 10), { at: 50 })
  expect(verdictOf(once)).toBe('violated')
})

test('what has nothing to do with it is left out of the report', () => {
  const questions = Array.from({ length: 20 }, (_, i) =>
    operation([10 + 2 * i, 11 + 2 * i], { do: 'get', id: 'nobody' }, { status: 'not_found' }, { at: 10 }),
  )
  const oversold = [
    operation([1, 4], reserve('ann'), reserved('r1', 'ann', 10), { at: 10 }),
    operation([60, 61], reserve('bob'), reserved('r2', 'bob', 11), { at: 11 }),
  ]
  const verdict = checkHistory([...questions, ...oversold], rules)
  expect(verdict.kind === 'violated' && verdict.operations.length).toBeLessThanOrEqual(2)
})
