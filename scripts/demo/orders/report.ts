import { createHash } from 'node:crypto'
import { count, counted, seconds } from '../../../src/cli/terminal/format.js'
import type { Terminal } from '../../../src/cli/terminal/style.js'
import type { Audit } from '../../../src/index.js'
import { type Row, sectionTable } from '../../lib/terminal/sections.js'
import type { OrdersOptions } from '../options.js'
import type { Outcome } from './outcome.js'
import type { OrderFile, OrderLine } from './read.js'
import type { Shop } from './shop.js'

const MAX_DIFFERENCES = 20

/** How the file was read, including what was detected. */
export function introduction(options: OrdersOptions, { lines, layout, encoding }: OrderFile): string[] {
  const { order, sku, quantity, buyer } = layout.columns
  const separator = layout.separator === '\t' ? 'tab' : layout.separator
  return [
    options.file,
    `  ${counted(lines.length, 'good line')}, ${encoding}, separated by ${separator}`,
    `  order = ${order.name}, SKU = ${sku.name},`,
    `  quantity = ${quantity.name}, buyer = ${buyer.name}`,
    `stock: ${options.stockShare} of what the file orders of a SKU, at least 1`,
    `cancellations (${options.cancelPrefix}...): a whole order is refunded,`,
    '  any other return is added to the stock (see --help)',
    'negative lines elsewhere take unsold units out',
    '',
  ].map(printable)
}

export function brokenLines({ broken }: OrderFile, shown: number): string[] {
  if (broken.length === 0) return ['no broken line', '']
  const more = broken.length - Math.min(shown, broken.length)
  return [
    ...broken.slice(0, shown).map(({ line, reason }) => printable(`line ${line}: ${reason}`)),
    ...(more > 0 ? [`... and ${count(more)} more (--max-errors)`] : []),
    `${counted(broken.length, 'broken line')} left out`,
    '',
  ]
}

export interface Findings {
  readonly lines: readonly OrderLine[]
  readonly tally: Shop['tally']
  readonly actual: Outcome
  readonly found: readonly string[]
  readonly audit: Audit
  readonly elapsedMs: number
}

export function report(findings: Findings, { paint }: Terminal, width = 80): string[] {
  const { tally, actual, found, audit, elapsedMs } = findings
  const skus = [...actual.skus.values()]
  const rows = (...pairs: [label: string, value: number][]): Row[] =>
    pairs.map(([label, value]) => [label, count(value)])
  const confirmed = skus.reduce((sum, sku) => sum + sku.confirmed, 0)
  const sections = [
    {
      title: 'Orders',
      rows: rows(
        ['carts', actual.orders.size],
        ['accepted', tally.accepted],
        ['sold out', tally.soldOut],
        ['cancelled (refunded whole)', tally.refunded],
        ['returns added to the stock', tally.returns],
        ['cancellations of refused orders', tally.void],
      ),
    },
    {
      title: 'Units',
      rows: rows(
        ['ordered', tally.wanted],
        ['accepted', tally.taken],
        ['confirmed in the end', confirmed],
        ['returned to the stock', tally.returned],
        ['taken out by corrections', tally.corrected],
      ),
    },
    {
      title: 'SKUs',
      rows: rows(
        ['on sale', skus.length],
        ['ran out', skus.filter(({ available }) => available === 0).length],
      ),
    },
    {
      title: 'Proof',
      rows: [
        ['differences from plain arithmetic', count(found.length)],
        ['violations found by the audit', count(audit.violations.length)],
        ['end state', digest(actual)],
        ['time', seconds(elapsedMs)],
      ] satisfies Row[],
    },
  ]
  const good = found.length === 0 && audit.ok
  return [
    ...sectionTable(sections, paint, width),
    '',
    `audit: ${audit.ok ? 'ok' : 'NOT OK'}, ${count(audit.reservations)} reservations recounted`,
    ...[...found, ...audit.violations.map(({ message }) => message)]
      .slice(0, MAX_DIFFERENCES)
      .map((fault) => paint('red', printable(`WRONG  ${fault}`))),
    good ? paint('green', 'verdict: everything adds up') : paint('red', 'verdict: something is off'),
  ]
}

/** The same for the same end state: two runs, or two engines, can be compared at a glance. */
function digest({ skus, orders }: Outcome): string {
  const state = [
    [...skus].map(([sku, { total, available, confirmed }]) => [sku, total, available, confirmed]).sort(),
    [...orders].sort(),
  ]
  return createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, 12)
}

/** Without control characters, which would steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?')
}
