import { parseEventId } from '../../consumer/events.js'
import { isLost } from '../../errors.js'
import { LOST_STOCK, REOPEN } from '../../operations/recovery-advice.js'
import type { Done } from '../../operations/results.js'
import type { Reconciliation } from '../../postgres/reconcile.js'
import type { RecoveringProcess, Recovery, RecoveryEverywhere, RecoveryProgress } from '../../sale/results.js'
import { BadUsage, type Command } from '../command.js'
import { AdvisedError, DONE, NO } from '../exit-codes.js'
import { ASKING, CHANGING, LEDGER, LIMIT } from '../options.js'
import type { Screen } from '../screen.js'
import { bySession, type Session } from '../session.js'
import { counted } from '../terminal/format.js'
import { safe } from '../terminal/safe.js'
import { moment, paintState } from '../text.js'
import { notLogged, pausedBefore } from './change.js'

const section = 'To repair'

async function deadLetters(session: Session) {
  const { operations, given, actor } = session
  const [target, group] = [given.word(0), given.word(1)]
  const [retry, discard] = [given.all('retry'), given.all('discard')]
  if (retry.length > 0 && discard.length > 0) throw new BadUsage('--retry and --discard exclude each other')
  if (retry.length + discard.length === 0) return listLetters(session, target, group)
  const named = [...retry, ...discard]
  if (!named.every((name) => name === 'all' || parseEventId(name)))
    throw new BadUsage(
      `--${retry.length > 0 ? 'retry' : 'discard'} must name an event such as 0-1-17, or all`,
    )
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
  const { count } = done.result
  const [one, many] =
    retry.length > 0 ? ['is tried again', 'are tried again'] : ['was discarded', 'were discarded']
  const text = `${counted(count, 'dead letter')} ${count === 1 ? one : many}.`
  return { value: done, print: (screen: Screen) => screen.line(text) }
}

async function listLetters({ operations, given }: Session, target: string, group: string) {
  const value = await operations.deadLetters(target, group, { limit: given.whole('limit', 1, 10_000) })
  const print = (screen: Screen) => {
    if (value.letters.length === 0) screen.line('There are no dead letters.')
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
    ? screen.paint('green', 'Sale and ledger agree')
    : screen.paint('red', 'Sale and ledger differ')
  const advice = ok
    ? ''
    : repaired
      ? ' The rows were repaired.'
      : ' --repair makes the rows what the sale says.'
  screen.line(
    `${verdict}: ${counted(checked, 'reservation')} ${checked === 1 ? 'was' : 'were'} compared.${advice}`,
  )
}

async function recover(session: Session) {
  const { operations, given, actor } = session
  const target = given.word(0)
  const waitFor = given.whole('wait-for', 1, 256)
  const timeoutMs = given.span('timeout')
  if (timeoutMs !== undefined && waitFor === undefined) throw new BadUsage('--timeout needs --wait-for N')
  const [keepFrozen, anyway] = [given.flag('keep-frozen'), given.flag('resume-anyway')]
  if (keepFrozen && anyway) throw new BadUsage('--keep-frozen and --resume-anyway exclude each other')
  if (anyway && waitFor === undefined) throw new BadUsage('--resume-anyway needs --wait-for N')
  const implied = session.ledger ? 'ledger' : waitFor === undefined ? undefined : 'replay'
  const from = given.oneOf('from', ['ledger', 'replay', 'accept'] as const) ?? implied
  if (from === undefined)
    throw new BadUsage(
      'recover needs --wait-for N (how many processes sell), --postgres URL, or --from accept: what Redis has lost stays lost',
    )
  if (from === 'replay' && waitFor === undefined)
    throw new BadUsage('--from replay needs --wait-for N: the processes that sell know what is replayed')
  const paused = given.flag('paused')
  if (paused && keepFrozen) throw new BadUsage('--paused and --keep-frozen exclude each other')
  if (from === 'accept')
    await session.ask(`Recover ${target} as Redis has it? What Redis has lost stays lost.`)
  const onProgress = ({ answered, lacking, missing }: RecoveryProgress) => {
    const sold = answered.filter(({ counts }) => counts).length
    session.note([`${sold} answered, ${lacking} to go`, ...waitingFor(missing)].join('; '))
  }
  const recovery = operations.recover(
    target,
    {
      ...{ from, unfreeze: keepFrozen ? false : anyway ? true : undefined, paused: paused || undefined },
      everywhere: waitFor === undefined ? undefined : { waitFor, timeoutMs: timeoutMs ?? 60_000, onProgress },
    },
    actor,
  )
  const done = await recovery.catch((error) => {
    if (from !== 'accept' || waitFor !== undefined || !isLost(error)) throw error
    const typed = `npx stockhold recover ${target} --from accept --wait-for N${paused ? ' --paused' : ''}`
    const advice = `Only the processes that have the sale open know what it was: ${typed}, where N processes sell. Without --from accept they put back what they acknowledged.`
    throw new AdvisedError(error, { advice })
  })
  notLogged(session, done)
  const { refused } = done.result
  const isFrozen = 'processes' in done.result && !done.result.processes.resumed && !keepFrozen
  const { lostRooms, skus } = done
  const print = (screen: Screen) => {
    printRecovery(screen, done.result, isFrozen ? waitFor : undefined)
    screen.line(stateLine(screen, done, paused && !isFrozen))
    if (skus) {
      screen.table(
        ['SKU', 'total', 'available'],
        Object.entries(skus).map(([sku, { total, available }]) => [safe(sku), total, available]),
      )
      if (from !== 'ledger') screen.line(LOST_STOCK)
    }
    if (lostRooms.length > 0)
      screen.line(
        `${screen.paint('red', `Redis has lost waiting room ${lostRooms.map(safe).join(', ')} too.`)} ${REOPEN}`,
      )
    if (keepFrozen) screen.line('Without --keep-frozen the next recovery resumes it.')
  }
  return { value: done, print, code: refused.length > 0 || isFrozen ? NO : DONE }
}

/** Processes that have not answered: what has not been heard yet is not missing. */
function waitingFor(missing: RecoveryProgress['missing']): string[] {
  const list = (what: string, some: RecoveryProgress['missing']) =>
    some.length === 0 ? [] : [`${what} ${some.map(nameOf).join(', ')}`]
  return [
    ...list(
      'asked:',
      missing.filter(({ isPresent, error }) => isPresent && error === undefined),
    ),
    ...list(
      'failed, and tries again:',
      missing.filter(({ error }) => error !== undefined),
    ),
    ...list(
      'silent:',
      missing.filter(({ isPresent, error }) => !isPresent && error === undefined),
    ),
  ]
}

/**
 * In which state the sale is now, and what ends it.
 *
 * @param isPaused The recovery has paused it, which its state does not say before the opening.
 */
function stateLine(screen: Screen, { result: { state }, target }: Done<Recovery>, isPaused: boolean): string {
  const painted = paintState(screen.paint, state)
  const name = `${safe(target)}: ${painted}`
  // A partition that came back older may have forgotten a resume, which the others obey.
  const what = isPaused ? 'It sells nothing' : 'It sells nothing, or not in each partition,'
  if (state === 'paused') return `${name}. ${what} until npx stockhold resume ${safe(target)}`
  if (state === 'not_started' && isPaused) return `${name}, and ${pausedBefore(screen, target)}`
  if (state === 'lost') return `${name}. Redis has lost it again: repeat the command.`
  if (state === 'unknown')
    return `${name}. Redis does not answer: look with npx stockhold show ${safe(target)}`
  return `${name}.`
}

function nameOf({ host, pid, id }: RecoveringProcess): string {
  return host === undefined ? id : `${host} ${pid}`
}

/** @param waitFor How many processes were waited for, if the sale is still frozen. */
function printRecovery(
  screen: Screen,
  result: Recovery | RecoveryEverywhere,
  waitFor: number | undefined,
): void {
  const { restored, refused, forgotten } = result
  screen.line(
    `${counted(restored, 'reservation')} ${restored === 1 ? 'is as it was' : 'are as they were'} acknowledged.`,
  )
  if (forgotten > 0)
    screen.line(`${counted(forgotten, 'reservation')} ${forgotten === 1 ? 'is' : 'are'} not known any more.`)
  if (refused.length > 0) {
    screen.line('These could not be restored: tell their buyers.')
    screen.table(
      ['reservation', 'buyer', 'reason'],
      refused.map(({ reservation: { id, buyer }, reason }) => [id, safe(buyer), reason]),
    )
  }
  if (!('processes' in result)) return
  const { answered, missing } = result.processes
  if (missing.length > 0)
    screen.table(
      ['missing', 'seen', 'error'],
      missing.map((one) => [safe(nameOf(one)), moment(one.seenAt), safe(one.error ?? '-')]),
    )
  if (waitFor !== undefined) printFrozen(screen, answered, missing.length, waitFor)
}

/** What an operator can do if too few processes have answered. */
function printFrozen(
  screen: Screen,
  answered: RecoveryEverywhere['processes']['answered'],
  missing: number,
  waitFor: number,
): void {
  const sold = answered.filter(({ counts }) => counts)
  const names = sold.length === 0 ? '' : `: ${sold.map((one) => safe(nameOf(one))).join(', ')}`
  screen.line(`${sold.length} of ${waitFor} that sell have answered${names}.`)
  const others =
    missing === 0 ? 'No other process is known that has the sale open.' : 'Start what is missing again.'
  const fewer = sold.length > 0 ? `If no more than ${sold.length} sell, --wait-for ${sold.length}. ` : ''
  screen.line(
    `${screen.paint('red', 'The sale is still frozen.')} ${others} Repeat the command. ${fewer}To go on without the others: --resume-anyway`,
  )
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
    examples: ['reconcile launch --postgres postgres://ledger/shop'],
    run: bySession(reconcile),
  },
  {
    ...{ name: 'recover', section, parameters: 'SALE' },
    summary: 'ends the freeze of a sale after Redis has lost data, or makes a lost sale again',
    details:
      'With --wait-for, every process that has the sale open puts back what it knows, and when N of them have, the sale sells again. With a ledger, all that it has is put back first. With --from accept, what Redis has lost stays lost.',
    options: [
      { name: 'wait-for', value: 'N', help: 'how many processes sell: each of them recovers what it knows' },
      { name: 'timeout', value: 'SPAN', help: 'how long to wait for them (default 60s)' },
      { name: 'resume-anyway', help: 'the sale sells again after that time, with those that have answered' },
      {
        name: 'from',
        value: 'SOURCE',
        help: 'replay, ledger or accept (default: ledger with --postgres, else replay)',
      },
      { name: 'keep-frozen', help: 'the sale does not sell yet: another recovery follows' },
      { name: 'paused', help: 'the sale is paused before it could sell: correct its stock, then resume it' },
      ...LEDGER,
      ...ASKING,
    ],
    examples: [
      'recover launch --wait-for 20',
      'recover launch --wait-for 20 --postgres postgres://ledger/shop',
      'recover launch --wait-for 20 --paused',
      'recover launch --from accept --yes',
    ],
    run: bySession(recover),
  },
]
