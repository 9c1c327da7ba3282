import type { SaleRules } from '../../../src/sale/rules.js'
import type { Call } from '../../model/call.js'
import { linearize, type Verdict } from './linearize.js'
import type { Operation } from './operation.js'
import type { Mentions } from './steps.js'

type Violated = Extract<Verdict, { kind: 'violated' }>

/** Tries for one smaller history: shrinking asks the question often. */
const EFFORT = 5_000

/**
 * A smaller history that is wrong in the same place: the same answer does not fit, and the rules
 * would have answered the same.
 *
 * - Everything after the answer that does not fit is cut off. What is violated stays so however it
 *   goes on.
 * - The answers of a process, or of one operation, are forgotten: it may have been executed or not.
 *   That only makes explaining easier, so what is left is wrong by itself.
 * - Operations are dropped, at first many at a time, as long as that changes nothing of what the
 *   rules say at that place. What was asked about the same reservation stays, for whoever reads it.
 *
 * @param verdict On the whole history.
 * @param mentions Of the whole history: the names of reservations stay known when the answers that
 *   told them are forgotten.
 */
export function shrink(
  operations: readonly Operation[],
  rules: SaleRules,
  verdict: Violated,
  mentions: Mentions,
): readonly Operation[] {
  const { order, subject } = blamed(verdict)
  const stories = (smaller: readonly Operation[]) => {
    const again = linearize(smaller, rules, EFFORT, mentions)
    return again.kind === 'violated' ? blamed(again).story : undefined
  }
  let history = until(operations, order)
  const story = stories(history)
  if (story === undefined) return operations
  const attempt = (smaller: readonly Operation[]) => {
    const same = stories(smaller) === story
    if (same) history = smaller
    return same
  }
  for (const process of new Set(operations.map((operation) => operation.process)))
    attempt(history.map((each) => (each.process === process ? forgotten(each) : each)))
  for (const each of [...history].reverse())
    if (each.outcome.kind === 'ok')
      attempt(history.map((other) => (other === each ? forgotten(each) : other)))
  for (let size = history.length >> 1; size >= 1; size >>= 1) {
    for (let end = history.length; end > 0; end -= size)
      attempt(history.filter(({ call }, i) => i < end - size || i >= end || subjectOf(call) === subject))
  }
  return history
}

/** The first answer that does not fit: when it came, and what the rules say to it. */
function blamed({ stuck }: Violated): {
  readonly order: number
  readonly story: string
  readonly subject: string
} {
  const [first] = [...stuck].sort((a, b) => returnOf(a.operation) - returnOf(b.operation))
  if (!first) return { order: Number.POSITIVE_INFINITY, story: '', subject: '' }
  const { operation, byTheRules } = first
  const story = `${operation.invoked.order} ${JSON.stringify(byTheRules)}`
  return { order: returnOf(operation), story, subject: subjectOf(operation.call) }
}

function subjectOf(call: Call): string {
  if ('id' in call && call.id !== null) return call.id
  if (call.do === 'reserve') return `${call.buyer} ${call.key}`
  return call.do === 'restock' ? `restock ${call.key}` : call.do
}

function returnOf({ returned }: Operation): number {
  return returned?.order ?? Number.POSITIVE_INFINITY
}

function until(operations: readonly Operation[], moment: number): readonly Operation[] {
  return operations
    .filter(({ invoked }) => invoked.order <= moment)
    .map((each) => (returnOf(each) > moment ? forgotten(each) : each))
}

/** What was answered no longer counts; that it may have been executed does. */
function forgotten(operation: Operation): Operation {
  const { outcome, silent } = operation
  if (outcome.kind !== 'ok' || (!outcome.execution && silent?.length)) return operation
  const unknown = {
    ...operation,
    returned: undefined,
    outcome: { kind: 'unknown', code: 'whatever was answered' } as const,
  }
  if (!outcome.execution) return { ...unknown, silent: undefined }
  return { ...unknown, silent: [...(silent ?? []), outcome.execution] }
}
