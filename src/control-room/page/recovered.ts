import { LOST_STOCK, REOPEN } from '../../operations/recovery-advice.js'
import type { Recovered } from '../../operations/results.js'
import { h } from './dom.js'
import { number, time, words } from './format.js'
import { PAUSED_BEFORE } from './outcomes.js'
import { badge, facts, table } from './parts.js'

/** How the recovery was asked for. */
export interface AskedRecovery {
  readonly from?: unknown
  readonly paused?: unknown
  readonly everywhere?: { readonly waitFor: number }
}

/** Whether the sale is not frozen any more, and was not lost again. */
export function isRecovered({ result }: Recovered): boolean {
  return !isStillFrozen(result) && result.state !== 'lost' && result.state !== 'unknown'
}

function isStillFrozen(result: Recovered['result']): boolean {
  return result.state === 'frozen' || ('processes' in result && !result.processes.resumed)
}

/** What a recovery has come to: what the command line tells of it. */
export function recoveredBlock(recovered: Recovered, asked: AskedRecovery): HTMLElement {
  const { result, target, skus, lostRooms } = recovered
  const { restored, refused, forgotten, state } = result
  const units = skus && Object.entries(skus)
  return h(
    'div',
    { class: 'recovered' },
    h('p', {}, badge(state), ` ${stateText(recovered, asked)}`),
    facts([
      ['put back', number(restored), 'reservations'],
      ['refused', number(refused.length)],
      ...(forgotten > 0 ? [['not known any more', number(forgotten), 'reservations'] as const] : []),
    ]),
    refused.length > 0 && h('p', {}, 'These could not be restored: tell their buyers.'),
    refused.length > 0 &&
      table(
        'Reservations that could not be restored',
        ['Buyer', 'Reason', 'Reservation'].map((title) => ({ title })),
        refused.map(({ reservation: { id, buyer }, reason }) => ({
          key: id,
          cells: [h('span', { class: 'id' }, buyer), words(reason), h('span', { class: 'id' }, id)],
        })),
      ),
    missingTable(recovered),
    units &&
      table(
        `Units of ${target}`,
        [{ title: 'SKU' }, ...['Total', 'Available'].map((title) => ({ title, isNumber: true }))],
        units.map(([sku, { total, available }]) => ({
          key: sku,
          cells: [h('span', { class: 'id' }, sku), number(total), number(available)],
        })),
      ),
    units && asked.from !== 'ledger' && h('p', {}, LOST_STOCK),
    lostRooms.length > 0 &&
      h(
        'p',
        {},
        h('strong', { class: 'failed' }, '✖ Redis has lost waiting rooms too: '),
        ...lostRooms.flatMap((room, i) => [i > 0 ? ', ' : '', h('span', { class: 'id' }, room)]),
        `. ${REOPEN}`,
      ),
  )
}

function stateText({ result }: Recovered, { paused, everywhere }: AskedRecovery): string {
  const { state } = result
  if (isStillFrozen(result)) {
    const sold = 'processes' in result ? result.processes.answered.filter(({ counts }) => counts).length : 0
    const came = everywhere
      ? ` ${number(sold)} of ${number(everywhere.waitFor)} that sell have answered.`
      : ''
    return `The sale is still frozen.${came} Start what is missing again, and recover again.`
  }
  if (state === 'open') return 'The sale sells again.'
  // A partition that came back older may have forgotten a resume, which the others obey.
  const what = paused === true ? 'It sells nothing' : 'It sells nothing, or not in each partition,'
  if (state === 'paused') return `${what} until you resume it.`
  if (state === 'not_started' && paused === true) return PAUSED_BEFORE
  if (state === 'lost') return 'Redis has lost it again: recover it again.'
  return state === 'unknown' ? 'Redis does not answer: look at the sale before you do anything.' : ''
}

function missingTable({ result, target }: Recovered): HTMLElement | null {
  const missing = 'processes' in result ? result.processes.missing : []
  if (missing.length === 0) return null
  const columns = ['Missing', 'Seen', 'Error'].map((title) => ({ title }))
  const rows = missing.map(({ id, host, pid, seenAt, error }) => ({
    key: id,
    cells: [
      h('span', { class: 'id' }, host === undefined ? id : `${host}:${pid}`),
      time(seenAt),
      h('span', { class: 'id' }, error ?? '–'),
    ],
  }))
  return table(`Processes that did not recover ${target}`, columns, rows)
}
