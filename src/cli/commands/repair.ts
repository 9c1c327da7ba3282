import type { Reconciliation } from '../../postgres/reconcile.js'
import { BadUsage, type Command } from '../command.js'
import { DONE, NO } from '../exit-codes.js'
import { ASKING, CHANGING, LEDGER, LIMIT } from '../options.js'
import type { Screen } from '../screen.js'
import { bySession, type Session } from '../session.js'
import { safe } from '../terminal/safe.js'
import { moment } from '../text.js'
import { notLogged } from './change.js'

const section = 'To repair'

async function deadLetters(session: Session) {
  const { operations, given, actor } = session
  const [target, group] = [given.word(0), given.word(1)]
  const [retry, discard] = [given.all('retry'), given.all('discard')]
  if (retry.length > 0 && discard.length > 0) throw new BadUsage('--retry and --discard exclude each other')
  if (retry.length + discard.length === 0) return listLetters(session, target, group)
  const named = [...retry, ...discard]
  const ids = named.includes('all') ? ('all' as const) : named
  if (discard.length > 0)
    await session.ask(
      `Discard ${ids === 'all' ? 'all dead letters' : ids.join(', ')} of ${group}? Their events are never handled.`,
    )
  const done =
    retry.length > 0
      ? await operations.retryDeadLetters(target, { group, ids }, actor)
      : await operations.discardDeadLetters(target, { group, ids }, actor)
  notLogged(session, done)
  const verb = retry.length > 0 ? 'are tried again' : 'were discarded'
  return { value: done, print: (screen: Screen) => screen.line(`${done.result.count} dead letters ${verb}.`) }
}

async function listLetters({ operations, given }: Session, target: string, group: string) {
  const value = await operations.deadLetters(target, group, { limit: given.whole('limit', 1, 10_000) })
  const print = (screen: Screen) => {
    if (value.letters.length === 0) screen.line('no dead letters')
    else
      screen.table(
        ['event', 'type', 'reservation', 'at', 'attempts', 'error'],
        value.letters.map(({ event, attempts, error }) => [
          ...[event.id, event.type, event.reservation?.id ?? '-', moment(event.at), attempts, safe(error)],
        ]),
      )
    if (!value.complete) screen.line('There are more: --limit N.')
  }
  return { value, print }
}

async function reconcile(session: Session) {
  const { operations, given, actor } = session
  const done = await operations.reconcile(given.word(0), { repair: given.flag('repair') }, actor)
  notLogged(session, done)
  const print = (screen: Screen) => printReconciliation(screen, done.result, given.flag('repair'))
  return { value: done, print, code: done.result.ok ? DONE : NO }
}

function printReconciliation(screen: Screen, found: Reconciliation, repaired: boolean): void {
  const { ok, checked, missing, differing, unknown, payments, refunds, unpaid, lostEvents } = found
  const entries: [string, number, readonly string[]][] = [
    ['only in the sale', missing.count, missing.ids],
    ['different', differing.count, differing.reservations.map(({ id }) => id)],
    ['only in the ledger', unknown.count, unknown.ids],
    [
      'payments only in the sale',
      payments.missing.count,
      payments.missing.payments.map((one) => one.paymentId),
    ],
    [
      'payments only in the ledger',
      payments.unknown.count,
      payments.unknown.payments.map((one) => one.paymentId),
    ],
    ['refunds only in the sale', refunds.missing.count, refunds.missing.refunds.map(({ key }) => key)],
    ['refunds only in the ledger', refunds.unknown.count, refunds.unknown.refunds.map(({ key }) => key)],
    ['shipped and not paid', unpaid.count, unpaid.ids],
    ['events that were trimmed before', lostEvents, []],
  ]
  const rows = entries.filter(([, count]) => count > 0)
  if (rows.length > 0)
    screen.table(
      ['found', 'number', 'of these'],
      rows.map(([name, count, ids]) => [
        name,
        count,
        safe(ids.slice(0, 5).join(', ')) + (count > 5 ? ', ...' : ''),
      ]),
    )
  const verdict = ok
    ? screen.paint('green', 'sale and ledger agree')
    : screen.paint('red', 'sale and ledger differ')
  const advice = ok
    ? ''
    : repaired
      ? ' The rows were repaired.'
      : ' --repair makes the rows what the sale says.'
  screen.line(`${verdict}: ${checked.toLocaleString('en-US')} reservations were compared.${advice}`)
}

async function recover(session: Session) {
  const { operations, given, actor } = session
  const target = given.word(0)
  const from = given.oneOf('from', ['ledger', 'accept']) ?? (session.hasLedger ? 'ledger' : undefined)
  if (from === undefined)
    throw new BadUsage('recover needs --postgres URL, or --from accept: what Redis has lost stays lost')
  if (from === 'accept')
    await session.ask(`Recover ${target} as Redis has it? What Redis has lost stays lost.`)
  const done = await operations.recover(target, { from, unfreeze: !given.flag('keep-frozen') }, actor)
  notLogged(session, done)
  const { restored, refused, forgotten } = done.result
  const print = (screen: Screen) => {
    screen.line(`${restored.toLocaleString('en-US')} reservations are as they were acknowledged.`)
    if (forgotten > 0) screen.line(`${forgotten.toLocaleString('en-US')} are not known any more.`)
    if (refused.length === 0) return
    screen.line('These could not be restored: tell their buyers.')
    screen.table(
      ['reservation', 'buyer', 'reason'],
      refused.map(({ reservation: { id, buyer }, reason }) => [id, safe(buyer), reason]),
    )
  }
  return { value: done, print, code: refused.length === 0 ? DONE : NO }
}

export const repairing: readonly Command[] = [
  {
    ...{ name: 'dead-letters', section, parameters: 'SALE GROUP' },
    summary: 'events that a consumer group gave up: shows, retries or discards them',
    options: [
      ...ASKING,
      { name: 'retry', value: 'EVENT', many: true, help: 'tries it again; all: every one' },
      { name: 'discard', value: 'EVENT', many: true, help: 'deletes it; all: every one' },
      LIMIT,
    ],
    examples: [
      'dead-letters launch mail',
      'dead-letters launch mail --retry all',
      'dead-letters launch mail --discard 0-1-17 --yes',
    ],
    run: bySession(deadLetters),
  },
  {
    ...{ name: 'reconcile', section, parameters: 'SALE' },
    summary: 'compares a sale with its ledger, reservation by reservation',
    options: [...CHANGING, { name: 'repair', help: 'makes rows that differ what the sale says' }, ...LEDGER],
    examples: ['reconcile launch --postgres postgres://ledger@127.0.0.1/shop'],
    run: bySession(reconcile),
  },
  {
    ...{ name: 'recover', section, parameters: 'SALE' },
    summary: 'ends the freeze of a sale after Redis has lost data, or makes a lost sale again',
    details:
      'With a ledger, all that it has is put back first. With --from accept, what Redis has lost stays lost. Both know nothing of what only the memory of your servers has.',
    options: [
      ...ASKING,
      { name: 'from', value: 'SOURCE', help: 'ledger, which --postgres implies, or accept' },
      { name: 'keep-frozen', help: 'the sale does not sell yet: another recovery follows' },
      ...LEDGER,
    ],
    examples: [
      'recover launch --postgres postgres://ledger@127.0.0.1/shop',
      'recover launch --from accept --yes',
    ],
    run: bySession(recover),
  },
]
