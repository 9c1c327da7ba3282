import type { ConsumerGroup } from '../consumer/groups.js'
import type { LogEntry } from '../operations/operations-log.js'
import type { Found, Problem, ShownRoom, ShownSale } from '../operations/results.js'
import type { Reservation, SkuCounts } from '../sale/results.js'
import type { RulesInForce, SkuRules } from '../sale/rules-update.js'
import type { RoomStats } from '../waiting-room/results.js'
import { remedyOf } from './exit-codes.js'
import type { Screen } from './screen.js'
import { safe, safeJson } from './terminal/safe.js'
import { columnsOf, padded } from './terminal/width.js'
import { hanging } from './terminal/wrap.js'
import { moment, paintState, span } from './text.js'

/** Facts, a line each. */
function facts(screen: Screen, entries: readonly (readonly [name: string, value: string])[]): void {
  const width = Math.max(...entries.map(([name]) => columnsOf(name))) + 2
  for (const [name, value] of entries) {
    const [first, ...more] = hanging('', width, value, screen.width)
    screen.line(`${screen.paint('dim', padded(name, width))}${first}`)
    for (const line of more) screen.line(line)
  }
}

export function printSale(screen: Screen, sale: ShownSale): void {
  const { id, state, problem, rules, skus, groups } = sale
  screen.line(`${screen.paint('bold', `sale ${safe(id)}`)}: ${paintState(screen.paint, state)}`)
  if (problem) printProblem(screen, problem, remedyOf(sale))
  if (rules) facts(screen, ruleFacts(rules))
  if (skus) {
    screen.line('')
    printSkus(screen, skus, rules ?? undefined)
  }
  if (groups && groups.length > 0) {
    screen.line('')
    printGroups(screen, groups)
  }
}

/** Why a part of the answer is missing, and what the operator does about it. */
function printProblem(screen: Screen, { code, message }: Problem, advice: string | undefined): void {
  screen.line(screen.paint('red', `${code}: ${safe(message)}`))
  if (advice !== undefined) screen.line(safe(advice))
}

function ruleFacts(rules: RulesInForce): [string, string][] {
  const { opensAt, closesAt, holdMs, maxHoldMs, retainMs, limitPerBuyer, limits, partitions, revision } =
    rules
  const entries: [string, string | undefined][] = [
    ['opens', opensAt === null ? undefined : moment(opensAt)],
    ['closes', closesAt === null ? undefined : moment(closesAt)],
    ['hold', `${span(holdMs)}, at most ${span(maxHoldMs)}`],
    ['limit per buyer', limitPerBuyer === null ? undefined : safeJson(limitPerBuyer)],
    ['shared limits', limits.length === 0 ? undefined : safeJson(limits)],
    ['kept after the end', retainMs === null ? undefined : span(retainMs)],
    ['partitions', String(partitions)],
    ['revision', String(revision)],
  ]
  return entries.filter((entry): entry is [string, string] => entry[1] !== undefined)
}

export function printSkus(
  screen: Screen,
  skus: Readonly<Record<string, SkuCounts>>,
  rules?: RulesInForce,
): void {
  const all = Object.entries(skus)
  const extra = [
    { name: 'in transit', of: ({ inTransit }: SkuCounts) => inTransit },
    { name: 'owed', of: ({ owed = 0 }: SkuCounts) => owed },
  ].filter(({ of }) => all.some(([, counts]) => of(counts) !== 0))
  const own = all.map(([sku]) => ownRules(rules?.skus[sku]))
  const isRuled = own.some((text) => text !== '')
  screen.table(
    [
      ...['SKU', 'available', 'held', 'confirmed', ...extra.map(({ name }) => name), 'total'],
      ...(isRuled ? ['rules of its own'] : []),
    ],
    all.map(([sku, counts], i) => [
      ...[safe(sku), counts.available, counts.held, counts.confirmed],
      ...extra.map(({ of }) => of(counts)),
      counts.total,
      ...(isRuled ? [own[i]!] : []),
    ]),
  )
}

function ownRules(rules: SkuRules | undefined): string {
  const { opensAt, closesAt, always, returnsTo } = rules ?? {}
  return [
    ...(always ? ['always'] : []),
    ...(opensAt === undefined ? [] : [`opens ${moment(opensAt)}`]),
    ...(closesAt === undefined ? [] : [`closes ${moment(closesAt)}`]),
    ...(returnsTo === undefined ? [] : [`returns to ${safe(returnsTo)}`]),
  ].join(', ')
}

export function printGroups(screen: Screen, groups: readonly ConsumerGroup[]): void {
  if (groups.length === 0) screen.line('There are no consumer groups.')
  else
    screen.table(
      ['group', 'lag', 'parked', 'dead', 'consumers'],
      groups.map(({ group, lag, parked, dead, partitions }) => [
        ...[safe(group), lag, parked, dead],
        new Set(partitions.flatMap(({ consumer }) => consumer ?? [])).size,
      ]),
    )
}

export function printRoom(screen: Screen, room: ShownRoom): void {
  const { id, state, problem, sale, stats } = room
  screen.line(`${screen.paint('bold', `waiting room ${safe(id)}`)}: ${paintState(screen.paint, state)}`)
  if (problem) printProblem(screen, problem, remedyOf(room))
  const shown: [string, string][] = sale === null ? [] : [['sale', safe(sale)]]
  if (stats) {
    const { waiting, admitted, missedTurns, outstanding, capacity, maxActive } = stats
    const { ratePerSecond, burst, turnsPerSecond, opensAt, tiers } = stats
    if (opensAt !== null) shown.push(['opens', moment(opensAt)])
    shown.push(
      ['waiting', waiting.toLocaleString('en-US')],
      ['admitted', admitted.toLocaleString('en-US')],
      ['missed turns', missedTurns.toLocaleString('en-US')],
      ['outstanding', outstandingOf({ outstanding, capacity, maxActive })],
      ['rate', `${ratePerSecond}/s, burst ${burst}; turns called ${turnsPerSecond}/s`],
    )
    for (const { tier, waiting: inTier } of tiers) shown.push([`tier ${safe(tier)}`, `${inTier} waiting`])
  }
  if (shown.length > 0) facts(screen, shown)
}

/** Turns and passes that may still lead to a reservation, and how many there may be. */
function outstandingOf({
  outstanding,
  capacity,
  maxActive,
}: Pick<RoomStats, 'outstanding' | 'capacity' | 'maxActive'>): string {
  const bounds = [
    ...(capacity === null ? [] : [`the stock allows ${capacity.toLocaleString('en-US')}`]),
    ...(maxActive === null ? [] : [`maxActive ${maxActive.toLocaleString('en-US')}`]),
  ]
  const count = `${outstanding.toLocaleString('en-US')} turns and passes`
  return bounds.length === 0 ? count : `${count}; ${bounds.join(', ')}`
}

export function printFound(screen: Screen, { reservations, payments }: Found): void {
  if (reservations.length + payments.length === 0) screen.line('Nothing was found.')
  if (payments.length > 0)
    screen.table(
      ['payment', 'sale', 'reservation', 'outcome', 'reason', 'buyer'],
      payments.map(({ paymentId, sale, reservationId, outcome, reason, buyer }) =>
        [paymentId, sale, reservationId, outcome, reason, buyer].map((text) => safe(text ?? '-')),
      ),
    )
  if (reservations.length > 0 && payments.length > 0) screen.line('')
  if (reservations.length > 0) printReservations(screen, reservations)
}

function printReservations(screen: Screen, reservations: readonly Reservation[]): void {
  screen.table(
    ['reservation', 'state', 'buyer', 'items', 'created', 'expires', 'payment'],
    reservations.map(({ id, state, buyer, items, createdAt, expiresAt, paymentId = '-' }) => [
      ...[id, state, safe(buyer), items.map(({ sku, quantity }) => `${quantity} ${safe(sku)}`).join(', ')],
      ...[moment(createdAt), moment(expiresAt), safe(paymentId)],
    ]),
  )
}

export function printLog(screen: Screen, entries: readonly LogEntry[]): void {
  if (entries.length === 0) screen.line('No operation was logged.')
  else
    screen.table(
      ['number', 'at', 'by', 'operation', 'target', 'outcome', 'details', 'reason'],
      entries.map((entry) => [
        ...[
          entry.number,
          moment(entry.at),
          safe(entry.by),
          entry.operation,
          safe(entry.target),
          entry.outcome,
        ],
        ...[detailsOf(entry), entry.reason === null ? '' : safe(entry.reason)],
      ]),
      (cell, column) => (column === 5 ? paintState(screen.paint, cell) : cell),
    )
}

/** What was asked for, and what was answered; of a failure the error. */
function detailsOf({ arguments: given, outcome, result }: LogEntry): string {
  const asked = safeJson(given ?? {}) === '{}' ? '' : safeJson(given)
  if (outcome === 'begun') return asked
  const { code, message } = (result ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  const isError = outcome !== 'done' && typeof code === 'string'
  const answered = isError ? `${safe(code)}: ${safe(String(message))}` : safeJson(result)
  return `${asked} -> ${answered}`.trim()
}
