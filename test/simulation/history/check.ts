import type { SaleRules } from '../../../src/sale/rules.js'
import type { ShortIds } from '../../model/call.js'
import { linearize, type Stuck } from './linearize.js'
import type { Operation } from './operation.js'
import { printHistory } from './print.js'
import { shrink } from './shrink.js'
import { Mentions } from './steps.js'

export type HistoryVerdict =
  | { readonly kind: 'explained' | 'undecided'; readonly tried: number }
  /** `operations`: the smallest history that was found to be wrong; `report`: it, for a person. */
  | {
      readonly kind: 'violated'
      readonly tried: number
      readonly operations: readonly Operation[]
      readonly stuck: readonly Stuck[]
      readonly report: (names?: ShortIds) => string
    }

/**
 * Decides whether some order of the operations, by the rules of the sale, explains every answer
 * that was given. One that is wrong is shrunk, or with `asFound` told as it is.
 */
export function checkHistory(
  operations: readonly Operation[],
  rules: SaleRules,
  asFound = false,
): HistoryVerdict {
  const mentions = new Mentions(operations)
  const verdict = linearize(operations, rules, undefined, mentions)
  if (verdict.kind !== 'violated') return { kind: verdict.kind, tried: verdict.tried }
  const smallest = asFound ? operations : shrink(operations, rules, verdict, mentions)
  const again = linearize(smallest, rules, undefined, mentions)
  const stuck = again.kind === 'violated' ? again.stuck : verdict.stuck
  return {
    kind: 'violated',
    tried: verdict.tried,
    operations: smallest,
    stuck,
    report: (names) => printHistory(smallest, rules, stuck, names),
  }
}
