import { BadOption, decimal, parseOptions, whole } from '../tool-options.js'

/** The sale that is planned. */
export interface ForeseenSale {
  readonly units: number
  /** Units of one reservation. */
  readonly cart: number
  /** People who come. */
  readonly arrivals: number
  /** Seconds in which the people come, evenly. */
  readonly within: number
  /** How many of them come in the busiest second. */
  readonly peak: number
  /** People admitted in a second; absent without a waiting room. */
  readonly rate: number | undefined
  /** The share of the reservations that are paid. */
  readonly paid: number
  /** From the reservation to its payment, in seconds. */
  readonly payIn: number
  readonly holdMs: number
}

/** The servers and processes that the sale may use. */
export interface Resources {
  /** The share of a core of a master that the busiest second may take. */
  readonly core: number
  /** GiB of a master that data may fill. */
  readonly gib: number
  /** HTTP requests a second that one process answers, if known. */
  readonly processRate: number | undefined
}

export interface PlanOptions {
  readonly sale: ForeseenSale
  readonly resources: Resources
  readonly json: boolean
  readonly check: boolean
}

const names = {
  texts: [
    ...(['units', 'cart', 'arrivals', 'within', 'peak', 'paid', 'pay-in', 'hold-ms'] as const),
    ...(['sell-in', 'rate', 'core', 'gib', 'process-rate'] as const),
  ],
  flags: ['no-room', 'json', 'check'],
} as const
const parse = (args: readonly string[]) => parseOptions(args, names)
type Values = ReturnType<typeof parse>['values']

const MANY = 1_000_000_000
const DAY = 86_400

/** @throws {BadOption} */
export function readOptions(args: readonly string[]): PlanOptions {
  const { values } = parse(args)
  const { json = false, check = false } = values
  return { sale: foreseenSale(values), resources: means(values), json, check }
}

function foreseenSale(values: Values): ForeseenSale {
  const units = whole(values, 'units', 100_000, 1, MANY)
  const cart = whole(values, 'cart', 1, 1, 1_000)
  if (cart > units) throw new BadOption('cart', 'must be at most --units')
  const arrivals = whole(values, 'arrivals', Math.min(MANY, 10 * units), 1, MANY)
  const within = seconds(values, 'within', 60, 1, DAY)
  const holdMs = whole(values, 'hold-ms', 600_000, 1_000, DAY * 1_000)
  const payIn = seconds(values, 'pay-in', Math.min(120, holdMs / 2_000), 0.1, DAY)
  if (payIn * 1_000 > holdMs)
    throw new BadOption('pay-in', 'must be at most --hold-ms: a later payment finds the hold expired')
  return {
    units,
    cart,
    arrivals,
    within,
    peak: peak(values, arrivals, within),
    rate: rate(values, units / cart),
    paid: decimal(values, 'paid', 0.8, 0, 1),
    payIn,
    holdMs,
  }
}

/** Twice the mean unless it is given, since people do not come evenly. */
function peak(values: Values, arrivals: number, within: number): number {
  const mean = Math.ceil(arrivals / within)
  const given = whole(values, 'peak', Math.min(arrivals, 2 * mean), 1, arrivals)
  if (given < mean)
    throw new BadOption('peak', `must be at least ${mean}: --arrivals over --within, the mean`)
  return given
}

function rate(values: Values, carts: number): number | undefined {
  const given = (['rate', 'sell-in'] as const).filter((name) => values[name] !== undefined)
  if (values['no-room']) {
    if (given[0]) throw new BadOption(given[0], 'does not go with --no-room: the waiting room keeps the rate')
    return undefined
  }
  if (given.length === 2)
    throw new BadOption('sell-in', 'does not go with --rate: each follows from the other')
  // A second at least, and the highest rate of a waiting room at most.
  const sellIn = seconds(values, 'sell-in', 180, 1, DAY)
  return whole(values, 'rate', Math.min(1_000_000, Math.ceil(carts / sellIn)), 1, 1_000_000)
}

function means(values: Values): Resources {
  return {
    core: decimal(values, 'core', 0.5, 0, 1),
    gib: decimal(values, 'gib', 8, 0, 10_000),
    processRate: values['process-rate'] === undefined ? undefined : whole(values, 'process-rate', 1, 1, MANY),
  }
}

const inSeconds = { ms: 0.001, s: 1, min: 60, h: 3_600 } as const

function seconds(
  values: Values,
  name: 'within' | 'pay-in' | 'sell-in',
  standard: number,
  min: number,
  max: number,
): number {
  const text = values[name]
  if (text === undefined) return standard
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?(ms|s|min|h)$/.exec(text) ?? []
  const value = Number(digits) * inSeconds[(unit ?? 's') as keyof typeof inSeconds]
  if (value >= min && value <= max) return value
  const rule = `must be a time such as 90s, 500ms, 3min or 2h, from ${min} s to ${max} s`
  throw new BadOption(name, `${rule}, not ${JSON.stringify(text)}`)
}
