import type { Item } from '../../../src/sale/results.js'
import type { SaleRules } from '../../../src/sale/rules.js'
import { EPOCH } from '../../../src/testing/agenda.js'
import type { Call } from '../../model/call.js'
import type { Random } from './random.js'

/** What is sold in one run, and by how many. */
export interface Plan {
  readonly rules: SaleRules
  readonly skus: readonly string[]
  readonly deadlineMs: number
  readonly processes: number
  /** Callers in each process. */
  readonly clients: number
  /** Calls each of them makes. */
  readonly calls: number
  /** ms between two calls of one caller, at most. */
  readonly thinkMs: number
}

/**
 * A sale so small that everybody gets in everybody's way.
 *
 * @param partitions How many it may have.
 */
export function drawPlan(random: Random, partitions: readonly number[] = [1]): Plan {
  const skus = ['a', 'b', 'c'].slice(0, random.pick([1, 1, 2, 3]))
  const holdMs = random.pick([60, 400, 3_000])
  const limits = random.pick(['none', 'all', 'all', 'some'])
  const rules: SaleRules = {
    stock: Object.fromEntries(skus.map((sku) => [sku, random.whole(0, 6)])),
    holdMs,
    maxHoldMs: holdMs + random.pick([0, 100, 5_000]),
    ...(limits === 'all' ? { limitPerBuyer: random.whole(1, 3) } : {}),
    ...(limits === 'some' ? { limitPerBuyer: { a: random.whole(1, 3) } } : {}),
    ...(skus.length > 1 && random.chance(0.2) ? { limits: [{ skus, perBuyer: random.whole(1, 4) }] } : {}),
    ...(random.chance(0.15) ? { opensAt: EPOCH + random.whole(1, 500) } : {}),
    ...(random.chance(0.15) ? { closesAt: EPOCH + random.whole(1_000, 6_000) } : {}),
    partitions: random.pick(partitions),
  }
  const plan = {
    skus,
    deadlineMs: random.pick([100, 500, 2_000]),
    processes: random.whole(1, 3),
    clients: random.whole(1, 3),
    calls: random.whole(3, 14),
    thinkMs: random.pick([2, 40, 400]),
  }
  const own = drawRules(skus, random)
  const households = random.chance(0.2) ? { limitPerHousehold: random.whole(2, 5) } : {}
  return { ...plan, rules: { ...rules, skus: own, ...households } }
}

/** Rules of single SKUs. */
function drawRules(skus: readonly string[], random: Random): NonNullable<SaleRules['skus']> {
  const isList = skus.length > 1 && random.chance(0.4)
  return Object.fromEntries(
    skus.map((sku, i) => [
      sku,
      {
        ...(random.chance(0.1) ? { opensAt: EPOCH + random.whole(1, 500) } : {}),
        ...(random.chance(0.1) ? { closesAt: EPOCH + random.whole(1_000, 6_000) } : {}),
        ...(random.chance(0.1) ? { always: true } : {}),
        ...(isList && i < skus.length - 1 ? { returnsTo: skus.at(-1)! } : {}),
      },
    ]),
  )
}

/**
 * The callers' buyers live together, and every other buyer lives alone: a buyer who moves is
 * refused before anything is held, which takes a step of its own.
 */
export function homeOf(buyer: string, { limitPerHousehold }: SaleRules): { household?: string } {
  if (limitPerHousehold === undefined) return {}
  return { household: /^u\d$/.test(buyer) ? 'oak' : `home of ${buyer}` }
}

/** A well-formed id of a reservation that nobody made. */
const NOBODYS = `1AA${'A'.repeat(16)}`

/**
 * The next call of a client.
 *
 * @param known Ids anybody has been told.
 */
export function drawCall({ skus, rules }: Plan, random: Random, known: readonly string[]): Call {
  const id = known.length === 0 || random.chance(0.02) ? NOBODYS : random.pick(known.slice(-8))
  const buyer = `u${random.whole(1, 4)}`
  const whose = random.chance(0.1) ? buyer : null
  switch (random.pick(kinds)) {
    case 'reserve': {
      const key = random.chance(0.65) ? `k${random.whole(1, 3)}` : null
      const holdMs = random.chance(0.2) ? random.whole(1, rules.maxHoldMs!) : null
      return { do: 'reserve', buyer, ...homeOf(buyer, rules), items: drawItems(skus, random), key, holdMs }
    }
    case 'confirm': {
      const paymentId = random.chance(0.7) ? `pay${random.whole(1, 3)}` : null
      return { do: 'confirm', id, buyer: whose, paymentId }
    }
    case 'amend':
      return { do: 'amend', id, buyer: whose, items: drawItems(skus, random) }
    case 'release':
      return { do: 'release', id, buyer: whose }
    case 'extend':
      return { do: 'extend', id, holdMs: random.pick([50, 500, 10_000]) }
    case 'refund':
      return { do: 'refund', id, restock: random.chance(0.5), ...drawPart(skus, random) }
    case 'transfer':
      return { do: 'transfer', id, to: buyer, from: random.chance(0.2) ? `u${random.whole(1, 4)}` : null }
    case 'get':
      return { do: 'get', id }
    case 'restock': {
      const quantity = random.pick([-3, -1, 1, 2])
      return { do: 'restock', sku: random.pick(skus), quantity, key: `s${random.whole(1, 4)}` }
    }
    case 'control':
      return { do: 'control', action: random.pick(actions) }
    case 'stats':
      return { do: 'stats' }
  }
}

const kinds: readonly Exclude<Call['do'], 'create' | 'list' | 'setTotal' | 'move' | 'update' | 'destroy'>[] =
  [
    ...Array<'reserve'>(12).fill('reserve'),
    ...Array<'confirm'>(5).fill('confirm'),
    ...Array<'release'>(3).fill('release'),
    ...Array<'amend'>(3).fill('amend'),
    ...Array<'transfer'>(3).fill('transfer'),
    ...(['extend', 'extend', 'refund', 'refund', 'refund', 'get', 'restock', 'control', 'stats'] as const),
  ]
const actions = ['pause', 'resume', 'resume', 'resume', 'end'] as const

/** A refund of a part, of what is left with a key, or without one. */
function drawPart(skus: readonly string[], random: Random): { key?: string; items?: Item[] } {
  if (random.chance(0.3)) return {}
  const key = `f${random.whole(1, 3)}`
  return random.chance(0.2) ? { key } : { key, items: drawItems(skus, random) }
}

function drawItems(skus: readonly string[], random: Random): Item[] {
  const line = () => ({ sku: random.pick(skus), quantity: random.pick([1, 1, 1, 2, 3]) })
  return Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, line)
}
