import { count } from '../../../src/cli/terminal/format.js'
import type { Row, Section } from '../../lib/terminal/sections.js'
import type { Stores, StoresEnd } from './stores.js'

export function storesSection(stores: Stores, { faults }: StoresEnd): Section {
  const { expected, pollScheduler, services, warehouse, bank } = stores
  const rows: [label: string, value: number][] = [
    ['stores', stores.count],
    ['orders', expected.orders],
    ['  reserved', expected.reserved],
    ['  sold out', expected.refused],
    ['stores that got something wrong', faults.length],
    ['orders with contradicting answers', expected.contradictions],
    ['retried after a fault', expected.retries],
    ['visits of a worker', pollScheduler.visits],
    ['warehouse or bank failed', services.failures],
    ['repeated to warehouse or bank', warehouse.repeats + bank.repeats],
    ['memory of this process, MB', process.resourceUsage().maxRSS / 1_024],
  ]
  return { title: 'The other stores', rows: rows.map(([label, value]): Row => [label, count(value)]) }
}

/** Stores that are named; the others are counted. */
const NAMED = 5

export function storeFaults(stores: Stores, { faults }: StoresEnd): string[] {
  const { contradictions } = stores.expected
  return [
    ...faults.slice(0, NAMED),
    ...(faults.length > NAMED ? [`and ${faults.length - NAMED} more in the stores`] : []),
    ...(contradictions > 0 ? [`stores: ${contradictions} orders got contradicting answers`] : []),
  ]
}
