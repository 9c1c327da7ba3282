import { count } from '../../lib/terminal/format.js'
import type { Row, Section } from '../../lib/terminal/sections.js'
import type { Stores, StoresEnd } from './stores.js'

export function storesSection(stores: Stores, { faults }: StoresEnd): Section {
  const { books, rota, trouble, warehouse, bank } = stores
  const rows: [label: string, value: number][] = [
    ['stores', stores.count],
    ['orders', books.orders],
    ['  reserved', books.reserved],
    ['  sold out', books.refused],
    ['stores that got something wrong', faults.length],
    ['orders answered in two ways', books.contradictions],
    ['asked again after a fault', books.retries],
    ['visits of a worker', rota.visits],
    ['warehouse or bank failed', trouble.failures],
    ['told again what was done', warehouse.repeats + bank.repeats],
    ['memory of this process, MB', process.resourceUsage().maxRSS / 1_024],
  ]
  return { title: 'The other stores', rows: rows.map(([label, value]): Row => [label, count(value)]) }
}

/** So many stores are named, the others counted. */
const NAMED = 5

export function storeFaults(stores: Stores, { faults }: StoresEnd): string[] {
  const { contradictions } = stores.books
  return [
    ...faults.slice(0, NAMED),
    ...(faults.length > NAMED ? [`and ${faults.length - NAMED} more in the stores`] : []),
    ...(contradictions > 0 ? [`stores: ${contradictions} orders were answered in two ways`] : []),
  ]
}
