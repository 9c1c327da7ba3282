import type { RecoveryView } from '../view.js'
import { h } from './dom.js'
import { number, span, time } from './format.js'
import { table } from './parts.js'

/** How far the recovery of a sale in every process has come. */
export function recoveryBlock(recovery: RecoveryView | null, target: string): HTMLElement | null {
  if (!recovery) return null
  const { answered, missing, answeredCount, missingCount } = recovery
  const rows = [
    ...missing.map(({ name, isPresent, error }) => ({
      key: `missing ${name}`,
      cells: [h('span', { class: 'id' }, name), missingText(isPresent, error), '–', '–'],
    })),
    ...answered.map(({ name, counts, restored, refused }) => ({
      key: `answered ${name}`,
      cells: [
        h('span', { class: 'id' }, name),
        counts ? '✓ has answered' : '✓ has answered, and had sold nothing: it does not count',
        number(restored),
        number(refused),
      ],
    })),
  ]
  const columns = [
    ...['Process', 'Answer'].map((title) => ({ title })),
    ...['Put back', 'Refused'].map((title) => ({ title, isNumber: true })),
  ]
  const more = answeredCount + missingCount - rows.length
  return h(
    'div',
    { class: 'recovery', 'data-key': 'recovery' },
    h(
      'p',
      { role: 'status' },
      h('strong', {}, `Recovery of ${time(recovery.startedAt)}: `),
      summary(recovery),
    ),
    recovery.state === 'waiting' &&
      h('p', { class: 'quiet' }, `It waits for ${span(recovery.remainingMs / 1_000)} more.`),
    rows.length > 0 && table(`Processes that recover ${target}`, columns, rows),
    more > 0 && h('p', { class: 'quiet' }, `And ${number(more)} more processes.`),
  )
}

function summary({ state, waitFor, lacking, missing, restored, refused }: RecoveryView): string {
  const came = `${number(waitFor - lacking)} of ${number(waitFor)} processes have answered`
  const done = `${number(restored)} reservations were put back, ${number(refused)} refused.`
  const names = missing.map(({ name }) => name).join(', ')
  const lack = names === '' ? '' : ` Missing: ${names}.`
  if (state === 'resumed') return `✓ the sale was resumed. ${done}`
  if (state === 'resuming') return `all have answered, and the sale is resumed next. ${done}`
  if (state === 'frozen') return `all have answered, and the sale was to stay frozen. ${done}`
  if (state === 'over')
    return `▲ ${came}, and the time is over: the sale stays frozen.${lack} Start what is missing, and recover again; or wait for fewer processes, and lose what only the missing ones know.`
  return `${came}.${lack}`
}

function missingText(isPresent: boolean, error: string | null): string {
  if (error !== null) return `▲ tries again: ${error}`
  return isPresent ? '… has not answered yet' : '✖ is silent: it has died, or does not reach Redis'
}
