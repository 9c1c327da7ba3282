import type { SaleRules } from '../../../src/sale/rules.js'
import { describeAnswer, describeCall, ShortIds } from '../../model/call.js'
import type { Stuck } from './linearize.js'
import type { Operation } from './operation.js'

/**
 * A history that nothing explains, for a person: who asked what, when, what was answered, and where
 * it cannot go on.
 */
export function printHistory(
  operations: readonly Operation[],
  rules: SaleRules,
  stuck: readonly Stuck[],
  names = new ShortIds(),
): string {
  const lines = [`sale ${JSON.stringify(rules)}`, '', 'who asked what, in ms, and what was answered:']
  const wrong = new Set(stuck.map(({ operation }) => operation.invoked.order))
  for (const operation of operations) {
    const { process, call, invoked, returned } = operation
    const span = `${invoked.ms} to ${returned?.ms ?? '?'}`
    const mark = wrong.has(invoked.order) ? '>' : ' '
    lines.push(`${mark} ${process.padEnd(4)} ${span.padEnd(14)} ${describeCall(call)}: ${told(operation)}`)
  }
  lines.push('', 'no order of these explains every answer; the longest one ends where')
  for (const { operation, byTheRules } of stuck) {
    lines.push(
      `> ${operation.process} ${describeCall(operation.call)}`,
      `    was answered      ${operation.outcome.kind === 'ok' ? describeAnswer(operation.outcome.answer) : ''}`,
      `    by the rules      ${byTheRules ? describeAnswer(byTheRules) : 'nothing: its time is before a change that was made earlier'}`,
    )
  }
  return names.within(lines.join('\n'))
}

function told({ outcome, silent }: Operation): string {
  if (outcome.kind === 'ok') {
    const at = outcome.execution ? ` (server's time ${outcome.execution.at})` : ''
    return describeAnswer(outcome.answer) + at
  }
  if (outcome.kind === 'fail') return outcome.code
  if (silent?.length === 0) return `${outcome.code}; not executed`
  const times = silent?.map(({ at }) => at)
  const when = times ? `at ${times.join(' or ')}, or not` : 'at any time, or never'
  return `${outcome.code}; executed ${when}`
}
