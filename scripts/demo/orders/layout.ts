import { BadOption } from '../../../src/cli/tool-options.js'
import type { Column, OrdersOptions } from '../options.js'
import { csvRecords } from './csv.js'

export interface Layout {
  readonly separator: string
  /** How many fields a line has. */
  readonly width: number
  /** The index and the name of each column. */
  readonly columns: Readonly<Record<Column, { readonly at: number; readonly name: string }>>
}

/** What files call a column, letters and digits only, the likeliest first. */
const names: Record<Column, readonly string[]> = {
  order: ['invoiceno', 'invoice', 'invoiceid', 'invoicenumber', 'orderid', 'orderno', 'ordernumber', 'order'],
  sku: ['stockcode', 'sku', 'productid', 'productcode', 'product', 'itemid', 'itemcode', 'item', 'article'],
  quantity: ['quantity', 'qty', 'units', 'count', 'pieces'],
  buyer: ['customerid', 'customer', 'customerno', 'buyerid', 'buyer', 'userid', 'user', 'clientid', 'client'],
}

const separators = [';', ',', '\t', '|'] as const

/** Detects the layout of the file; the options take precedence. */
export function layoutOf(text: string, options: OrdersOptions): Layout {
  const candidates = options.separator === undefined ? separators : [options.separator]
  const headers = candidates.map((separator) => headerOf(text, separator))
  // The separator with the most known columns; if there is none, the one with the most columns.
  const score = (header: readonly string[]) =>
    columnNames.filter((column) => find(header, column, options) !== -1).length * 1_000 + header.length
  const best = headers.reduce((a, b, at) => (score(b) > score(headers[a]!) ? at : a), 0)
  const header = headers[best]!
  const place = (column: Column) => {
    const at = find(header, column, options)
    if (at === -1) throw missing(column, header, options)
    return { at, name: header[at]! }
  }
  return {
    separator: candidates[best]!,
    width: header.length,
    columns: {
      order: place('order'),
      sku: place('sku'),
      quantity: place('quantity'),
      buyer: place('buyer'),
    },
  }
}

const columnNames = Object.keys(names) as Column[]

function headerOf(text: string, separator: string): string[] {
  for (const record of csvRecords(text, separator)) {
    return 'fields' in record ? record.fields.map((name) => name.trim()) : []
  }
  throw new BadOption('orders', 'must name a file with a header line: this one is empty')
}

function find(header: readonly string[], column: Column, options: OrdersOptions): number {
  const given = options.columns[column]
  if (given !== undefined) return header.indexOf(given)
  const known = header.map((name) => name.toLowerCase().replace(/[^a-z0-9]/g, ''))
  const name = names[column].find((candidate) => known.includes(candidate))
  return name === undefined ? -1 : known.indexOf(name)
}

function missing(column: Column, header: readonly string[], options: OrdersOptions): BadOption {
  const given = options.columns[column]
  const found = header.map((name) => JSON.stringify(name)).join(', ')
  return new BadOption(
    `column-${column}`,
    given === undefined
      ? `is needed: no column of the file is recognised as the ${column}; there are ${found}`
      : `must name a column of the file: there is no ${JSON.stringify(given)}, there are ${found}`,
  )
}
