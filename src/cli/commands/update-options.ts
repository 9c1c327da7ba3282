import type { RulesUpdate } from '../../sale/rules-update.js'
import { MAX_UNITS } from '../../validation.js'
import type { RoomUpdate } from '../../waiting-room/room-rules.js'
import { BadUsage, type Given, type Option, wholeOf } from '../command.js'

const LIMITS = 'N or none; or SKU=N, again for each SKU'

export const UPDATE_OPTIONS: readonly Option[] = [
  { name: 'opens-at', value: 'TIME', help: 'when it opens; none: at once' },
  { name: 'closes-at', value: 'TIME', help: 'when reservations end; none: never' },
  { name: 'hold', value: 'SPAN', help: 'how long new reservations hold their units' },
  { name: 'max-hold', value: 'SPAN', help: 'the same, including extensions' },
  { name: 'retain', value: 'SPAN', help: 'how long the sale stays after its end; none: for ever' },
  { name: 'limit-per-buyer', value: 'LIMIT', many: true, help: LIMITS },
  { name: 'limit-per-household', value: 'LIMIT', many: true, help: LIMITS },
  { name: 'stock', value: 'SKU=N', many: true, help: 'a new SKU with its units, again for each' },
  { name: 'tiers', value: 'A,B,...', help: 'of a waiting room: all tiers in their order' },
  {
    name: 'rules',
    value: 'JSON',
    argument: 'update',
    help: 'any other rules, as sale.update or room.update takes them',
  },
]

/** @throws {BadUsage} */
export function saleUpdate(given: Given): RulesUpdate {
  refuse(given, ['tiers'], 'waiting room')
  const stock = given.all('stock').map((text) => pair(text, 'stock'))
  return withRules(given, {
    opensAt: orNone(given, 'opens-at', (name) => given.moment(name)),
    closesAt: orNone(given, 'closes-at', (name) => given.moment(name)),
    holdMs: orNone(given, 'hold', (name) => given.span(name)),
    maxHoldMs: orNone(given, 'max-hold', (name) => given.span(name)),
    retainMs: orNone(given, 'retain', (name) => given.span(name)),
    limitPerBuyer: limits(given, 'limit-per-buyer'),
    limitPerHousehold: limits(given, 'limit-per-household'),
    stock:
      stock.length === 0
        ? undefined
        : Object.fromEntries(stock.map(([sku, text]) => [sku, wholeOf(text, '--stock', 0, MAX_UNITS)])),
  })
}

/** @throws {BadUsage} */
export function roomUpdate(given: Given): RoomUpdate {
  const ofSales = UPDATE_OPTIONS.map(({ name }) => name).filter(
    (name) => !['opens-at', 'tiers', 'rules'].includes(name),
  )
  refuse(given, ofSales, 'sale')
  return withRules(given, {
    opensAt: orNone(given, 'opens-at', (name) => given.moment(name)),
    tiers: given.text('tiers')?.split(','),
  })
}

function refuse(given: Given, names: readonly string[], kind: string): void {
  const wrong = names.find((name) => given.flag(name))
  if (wrong !== undefined) throw new BadUsage(`--${wrong} is a rule of a ${kind}`)
}

function orNone<T>(given: Given, name: string, read: (name: string) => T): T | null {
  return given.text(name) === 'none' ? null : read(name)
}

function limits(given: Given, name: string): number | null | Record<string, number | null> | undefined {
  const texts = given.all(name)
  const limit = (text: string) => (text === 'none' ? null : wholeOf(text, `--${name}`, 1, MAX_UNITS))
  if (texts.length === 0) return undefined
  if (texts.length === 1 && !texts[0]!.includes('=')) return limit(texts[0]!)
  return Object.fromEntries(
    texts.map((text) => {
      const [sku, value] = pair(text, name)
      return [sku, limit(value)] as const
    }),
  )
}

/** `SKU=N`; the SKU may contain the sign. */
function pair(text: string, name: string): [sku: string, value: string] {
  const at = text.lastIndexOf('=')
  if (at < 1) throw new BadUsage(`--${name} must be SKU=N, not ${JSON.stringify(text)}`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function json(given: Given): object {
  const text = given.text('rules')
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // The message below says what is wrong.
  }
  throw new BadUsage('--rules must be a JSON object')
}

/** The rules of the options that are given, and those of `--rules`. */
function withRules<T extends object>(given: Given, all: T): T {
  const defined = Object.entries(all).filter(([, value]) => value !== undefined)
  return { ...json(given), ...Object.fromEntries(defined) } as T
}
