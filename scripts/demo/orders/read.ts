import { readFile } from 'node:fs/promises'
import { BadOption } from '../../../src/cli/tool-options.js'
import type { OrdersOptions } from '../options.js'
import { csvRecords } from './csv.js'
import { type Layout, layoutOf } from './layout.js'

/** One good line of the file. */
export interface OrderLine {
  readonly line: number
  readonly order: string
  readonly sku: string
  /** Above 0: wanted. Below 0: a return if `cancels`, else a correction of the stock. */
  readonly quantity: number
  readonly cancels: boolean
  /** `null`: a guest. */
  readonly buyer: string | null
}

export interface OrderFile {
  readonly lines: readonly OrderLine[]
  readonly broken: readonly { readonly line: number; readonly reason: string }[]
  readonly layout: Layout
  readonly encoding: string
}

/**
 * Limits of the library: bytes of an id (a guest's is longer than the order's), units, and SKUs of
 * a cart.
 */
const MAX_BYTES = 240
const MAX_QUANTITY = 1_000_000
const MAX_CART_SKUS = 1_000

export async function readOrders(options: OrdersOptions): Promise<OrderFile> {
  const bytes = await readFile(options.file).catch((error: NodeJS.ErrnoException) => {
    throw new BadOption('orders', `must name a readable file: ${options.file} (${error.code})`)
  })
  const { text, encoding } = decode(bytes)
  const layout = layoutOf(text, options)
  const lines: OrderLine[] = []
  const broken: { line: number; reason: string }[] = []
  const check = new Checker(layout, options.cancelPrefix)
  let header = true
  for (const record of csvRecords(text, layout.separator)) {
    if (header) {
      header = false
      continue
    }
    const line = 'error' in record ? record.error : check.line(record.line, record.fields)
    if (typeof line === 'string') broken.push({ line: record.line, reason: line })
    else lines.push(line)
  }
  if (lines.length === 0) {
    const [first] = broken
    const why = first
      ? `: ${broken.length} are broken, the first is line ${first.line} (${first.reason})`
      : ''
    throw new BadOption('orders', `must name a file with at least one good line${why}`)
  }
  return { lines, broken, layout, encoding }
}

/**
 * UTF-8 if the bytes are valid; otherwise what spreadsheets write: UTF-16 with its mark, or
 * Windows-1252.
 */
function decode(bytes: Buffer): { text: string; encoding: string } {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe
  for (const encoding of utf16 ? ['utf-16le'] : ['utf-8', 'windows-1252']) {
    try {
      return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes), encoding }
    } catch {}
  }
  throw new BadOption('orders', 'must name a text file')
}

/**
 * Makes an order line of a record, or says why it is broken. A line must match earlier lines of its
 * order.
 */
class Checker {
  readonly #layout: Layout
  readonly #cancelPrefix: string
  readonly #orders = new Map<string, { buyer: string | null; skus: Set<string> }>()

  constructor(layout: Layout, cancelPrefix: string) {
    this.#layout = layout
    this.#cancelPrefix = cancelPrefix
  }

  line(line: number, fields: readonly string[]): OrderLine | string {
    const { width, columns } = this.#layout
    if (fields.length !== width) return `has ${fields.length} fields, the header has ${width}`
    const [order, sku, amount, buyerName] = [columns.order, columns.sku, columns.quantity, columns.buyer].map(
      ({ at }) => fields[at]!.trim(),
    ) as [string, string, string, string]
    for (const [{ name }, value] of [
      [columns.order, order],
      [columns.sku, sku],
    ] as const) {
      if (value === '') return `${name} is empty`
    }
    for (const value of [order, sku, buyerName]) {
      if (Buffer.byteLength(value) > MAX_BYTES) return `a name has more than ${MAX_BYTES} bytes`
    }
    // Spreadsheets write whole numbers as 6.0 or 6,00, too.
    const digits = /^([+-]?\d+)([.,]0+)?$/.exec(amount)?.[1]
    if (digits === undefined) return `${columns.quantity.name} is no whole number: ${JSON.stringify(amount)}`
    const quantity = Number(digits)
    if (quantity === 0 || Math.abs(quantity) > MAX_QUANTITY) {
      return `${columns.quantity.name} must be from 1 to ${MAX_QUANTITY}, or negative, not ${amount}`
    }
    const buyer = buyerName === '' ? null : buyerName
    const problem = this.#fits(order, buyer, sku, quantity)
    if (problem !== undefined) return problem
    return {
      line,
      order,
      sku,
      quantity,
      cancels: quantity < 0 && order.startsWith(this.#cancelPrefix),
      buyer,
    }
  }

  #fits(order: string, buyer: string | null, sku: string, quantity: number): string | undefined {
    const known = this.#orders.get(order) ?? { buyer, skus: new Set<string>() }
    if (known.buyer !== buyer) {
      return `order ${order} is of ${known.buyer ?? 'a guest'}, this line of ${buyer ?? 'a guest'}`
    }
    if (quantity > 0 && known.skus.size === MAX_CART_SKUS && !known.skus.has(sku)) {
      return `order ${order} has more than ${MAX_CART_SKUS} SKUs`
    }
    if (quantity > 0) known.skus.add(sku)
    this.#orders.set(order, known)
    return undefined
  }
}
