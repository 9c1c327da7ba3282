import type { SaleRules } from '../../sale/rules.js'
import type { Stuck } from './linearize.js'
import { type Answer, describeCall, type Operation } from './operation.js'

/** Ids are long and all look alike: in print they are called r1, r2, ... in the order in which they appear. */
export class Names {
  readonly #names = new Map<string, string>()

  within(text: string): string {
    return text.replace(/\b1[\w-]{18}(?![\w-])/g, (id) => this.of(id))
  }

  of(id: string): string {
    const name = this.#names.get(id) ?? `r${this.#names.size + 1}`
    this.#names.set(id, name)
    return name
  }
}

/** A history that nothing explains, for a person: who asked what, when, what was answered, and where it cannot go on. */
export function printHistory(
  operations: readonly Operation[],
  rules: SaleRules,
  stuck: readonly Stuck[],
  names = new Names(),
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
      `    was answered      ${operation.outcome.kind === 'ok' ? text(operation.outcome.answer) : ''}`,
      `    by the rules      ${byTheRules ? text(byTheRules) : 'nothing: its time is before a change that was made earlier'}`,
    )
  }
  return names.within(lines.join('\n'))
}

function told({ outcome, silent }: Operation): string {
  if (outcome.kind === 'ok') {
    const at = outcome.execution ? ` (server's time ${outcome.execution.at})` : ''
    return text(outcome.answer) + at
  }
  if (outcome.kind === 'fail') return outcome.code
  if (silent?.length === 0) return `${outcome.code}; not executed`
  const times = silent?.map(({ at }) => at)
  const when = times ? `at ${times.join(' or ')}, or not` : 'at any time, or never'
  return `${outcome.code}; executed ${when}`
}

/** An answer in few words. */
export function text({ status, reservation, ...rest }: Answer): string {
  const details = Object.entries(rest).map(([name, value]) => `${name} ${short(value)}`)
  if (reservation) {
    const { id, state, expiresAt, paymentId } = reservation
    const paid = paymentId === undefined ? '' : `, ${paymentId}`
    details.push(`${id} is ${state} until ${expiresAt}${paid}`)
  }
  return [status, ...details].join(', ')
}

function short(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
