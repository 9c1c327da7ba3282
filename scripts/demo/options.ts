import { randomInt } from 'node:crypto'
import { BadOption, decimal, oneOf, parseOptions, redisUrl, seed, whole } from '../../src/cli/tool-options.js'
import { ORDERS_PER_STORE } from './stores/store-plan.js'

export interface StoreOptions {
  readonly engine: 'memory' | 'redis' | undefined
  readonly redis: string | undefined
  readonly keep: boolean
}

export interface LaunchOptions {
  readonly units: number
  readonly buyers: number
  /** Visitors that the waiting room admits in a second. */
  readonly rate: number
  readonly holdMs: number
  readonly concurrency: number
  readonly seed: number
  /** Whether there is a ledger in PostgreSQL, if a server can be started. */
  readonly ledger: boolean
  /** Whether the control room is open beside the launch, and stays. */
  readonly serve: boolean
  /** Parcels the warehouse loses. */
  readonly loseParcels: number
  /** Stores with sales of their own on the same platform. */
  readonly stores: number
  /** How many times as long everything takes as in the launch alone: 1 without stores. */
  readonly stretch: number
}

export interface OrdersOptions {
  readonly file: string
  readonly stockShare: number
  readonly cancelPrefix: string
  readonly maxErrors: number
  readonly separator: string | undefined
  readonly columns: Readonly<Partial<Record<Column, string>>>
}

export type Column = 'order' | 'sku' | 'quantity' | 'buyer'

export type DemoOptions = { readonly store: StoreOptions } & (
  | { readonly launch: LaunchOptions }
  | { readonly orders: OrdersOptions }
)

/** Above this the visitors would poll too seldom. */
const MAX_STRETCH = 5

const launchNames = [
  'units',
  'buyers',
  'rate',
  'hold-ms',
  'concurrency',
  'seed',
  'stores',
  'lose-parcels',
] as const
const ordersNames = [
  'stock-share',
  'cancel-prefix',
  'max-errors',
  'separator',
  'column-order',
  'column-sku',
  'column-quantity',
  'column-buyer',
] as const
const parse = (args: readonly string[]) =>
  parseOptions(args, {
    texts: ['engine', 'redis', 'orders', ...launchNames, ...ordersNames],
    flags: ['keep', 'no-ledger', 'serve'],
  }).values
type Values = ReturnType<typeof parse>

/** @throws {BadOption} */
export function readOptions(args: readonly string[]): DemoOptions {
  const values = parse(args)
  const { orders } = values
  const store = storeOptions(values)
  const foreign = (
    orders === undefined ? ordersNames : [...launchNames, 'no-ledger' as const, 'serve' as const]
  ).find((name) => values[name] !== undefined)
  if (foreign !== undefined)
    throw new BadOption(
      foreign,
      orders === undefined ? 'goes with --orders only' : 'does not go with --orders',
    )
  return orders === undefined
    ? { store, launch: launchOptions(values) }
    : { store, orders: ordersOptions(orders, values) }
}

function storeOptions(values: Values): StoreOptions {
  const { keep = false } = values
  const engine = oneOf(values, 'engine', ['memory', 'redis'])
  const redis = redisUrl(values)
  if (redis !== undefined && engine === 'memory')
    throw new BadOption('redis', 'does not go with --engine memory')
  if (redis === undefined && keep)
    throw new BadOption('keep', 'goes with --redis URL only: any other store ends with the demo')
  return { engine, redis, keep }
}

function launchOptions(values: Values): LaunchOptions {
  const units = whole(values, 'units', 100_000, 1, 10_000_000)
  const stores = whole(values, 'stores', 0, 0, 50_000)
  // The launch takes some ten seconds at any size. One process plays all buyers, so stores make it
  // longer.
  const evening = 12 + (stores * ORDERS_PER_STORE) / 5_000
  const stretch = Math.min(MAX_STRETCH, evening / 12)
  return {
    units,
    buyers: whole(values, 'buyers', Math.ceil(units * 3.2), 1, 20_000_000),
    // A few units are sold at once.
    rate: whole(values, 'rate', Math.min(1_000_000, Math.max(50, Math.ceil(units / evening))), 1, 1_000_000),
    holdMs: whole(values, 'hold-ms', Math.round(1_500 * stretch), 100, 60_000),
    concurrency: whole(values, 'concurrency', 2_000, 1, 10_000),
    seed: seed(values, randomInt(2 ** 32)),
    ledger: !values['no-ledger'],
    serve: values.serve ?? false,
    loseParcels: whole(values, 'lose-parcels', 0, 0, 1_000_000),
    stores,
    stretch,
  }
}

function ordersOptions(file: string, values: Values): OrdersOptions {
  if (file === '') throw new BadOption('orders', 'must name a file')
  const { separator, 'cancel-prefix': cancelPrefix = 'C' } = values
  const separatorNames: Record<string, string> = { tab: '\t', '\\t': '\t' }
  const character = separator === undefined ? undefined : (separatorNames[separator] ?? separator)
  if (character !== undefined && !/^[^"\r\n]$/u.test(character)) {
    throw new BadOption('separator', 'must be one character (or "tab"), and no quote')
  }
  const columns: Partial<Record<Column, string>> = {}
  for (const column of ['order', 'sku', 'quantity', 'buyer'] as const) {
    const name = values[`column-${column}`]
    if (name !== undefined) columns[column] = name
  }
  return {
    file,
    stockShare: decimal(values, 'stock-share', 0.8, 0, 100),
    cancelPrefix,
    maxErrors: whole(values, 'max-errors', 10, 0, 1_000_000),
    separator: character,
    columns,
  }
}
