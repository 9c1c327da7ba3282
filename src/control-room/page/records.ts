import type { View } from '../view.js'
import { h } from './dom.js'
import { json, number, time } from './format.js'
import { badge, buttons, section, table } from './parts.js'
import { recoveryBlock } from './recovery.js'
import { formsOf, isBroken } from './sales.js'

export function alertSection(view: View): HTMLElement {
  const list = view.alerts.map(({ kind, level, subject, text, guide }) => {
    const [recovery, operations] = recoveryOf(subject, view)
    return h(
      'li',
      { class: `alert ${level}`, 'data-key': `${kind} ${subject} ${text.replaceAll(/[\d.,]+/g, '')}` },
      h(
        'p',
        {},
        h('strong', {}, level === 'critical' ? '✖ ' : '▲ ', h('span', { class: 'id' }, subject)),
        ` ${text}`,
      ),
      recovery,
      guide.length > 0 &&
        h(
          'details',
          { open: level === 'critical' },
          h('summary', {}, 'What to do, step by step'),
          h(
            'ol',
            {},
            guide.map((step) => h('li', {}, step)),
          ),
        ),
      operations,
    )
  })
  return section(
    'Alerts',
    'alerts',
    list.length === 0
      ? h('p', { class: 'calm' }, '✓ Nothing needs you.')
      : h('ul', { class: 'alerts' }, list),
  )
}

/** A sale that is to be recovered is recovered from its alert. */
function recoveryOf(subject: string, view: View): readonly [HTMLElement | null, HTMLElement | null] {
  const sale = view.sales.find((one) => isBroken(one) && `sale:${one.id}` === subject)
  return sale ? [recoveryBlock(sale.recovery, subject), buttons(formsOf(sale, view), subject)] : [null, null]
}

export function refundSection({ refunds, hasLedger }: View): HTMLElement | null {
  if (!hasLedger) return null
  if (!refunds)
    return section('Refunds due', 'refunds', h('p', { class: 'quiet' }, 'The ledger is being read…'))
  if (refunds.failed)
    return section('Refunds due', 'refunds', h('p', { class: 'failed' }, '✖ The ledger does not answer.'))
  const columns = ['Payment', 'Sale', 'Reservation', 'Buyer', 'Reason'].map((title) => ({ title }))
  const rows = refunds.payments.map(({ paymentId, sale, reservationId, buyer, reason }) => ({
    key: `${sale} ${reservationId} ${paymentId}`,
    cells: [paymentId, sale, reservationId, buyer, reason].map((text) =>
      h('span', { class: 'id' }, text ?? '–'),
    ),
  }))
  return section(
    'Refunds due',
    'refunds',
    rows.length === 0 ? h('p', {}, '✓ No payment must be given back.') : table('Refunds due', columns, rows),
    !refunds.complete && h('p', { class: 'quiet' }, `There are more than these ${number(rows.length)}.`),
  )
}

export function othersSection({ others, othersCount }: View): HTMLElement | null {
  if (othersCount === 0) return null
  const columns = [{ title: 'Sale or waiting room' }, { title: 'State' }, { title: 'Created' }]
  const rows = others.map(({ kind, id, state, createdAt }) => ({
    key: `${kind}:${id}`,
    cells: [
      h('span', { class: 'id' }, `${kind}:${id}`),
      badge(state),
      createdAt === null ? '–' : time(createdAt),
    ],
  }))
  return section(
    'Further sales and waiting rooms',
    'others',
    table('Further sales and waiting rooms', columns, rows),
    othersCount > others.length &&
      h('p', { class: 'quiet' }, `And ${number(othersCount - others.length)} more.`),
  )
}

export function logSection({ log }: View): HTMLElement {
  const columns = ['At', 'Operation', 'Target', 'Outcome', 'By', 'Reason', 'Asked', 'Answer'].map(
    (title) => ({
      title,
    }),
  )
  const rows = log.map(({ id, at, operation, target, outcome, by, reason, arguments: asked, result }) => ({
    key: id,
    cells: [
      ...[time(at), operation, h('span', { class: 'id' }, target), badge(outcome)],
      ...[by, reason ?? '', json(asked), json(result)].map((text) => h('span', { class: 'id' }, text)),
    ],
  }))
  return section(
    'Operations log',
    'log',
    rows.length === 0
      ? h('p', { class: 'quiet' }, 'No operation was logged yet.')
      : table('Operations log', columns, rows),
  )
}
