import { type NamedRules, shownMoment } from '../common/rules-conflict.js'
import { type AdmissionRate, MAX_TIERS, type RoomOp, type StoredRoomRules } from '../engine/room.js'
import { invalid } from '../errors.js'
import { checkId, checkInteger, checkMoment, checkOptions, type Names } from '../validation.js'

/** What `new WaitingRoom` takes beside engine, secret and sale. */
export interface AdmissionOptions {
  /** How many visitors may be admitted a second: 0 to 1,000,000, with at most three decimals. */
  ratePerSecond: number
  /**
   * How many visitors may be admitted at once after a quiet time: 1 to 1,000,000.
   * @default one second's worth, at least 1
   */
  burst?: number | undefined
  /** How long a turn is kept for its visitor, in ms: 100 to 600,000. @default 30_000 */
  claimMs?: number | undefined
  /** How long a pass is valid, in ms: 100 to 86,400,000. @default 300_000 */
  passMs?: number | undefined
  /**
   * Passes outstanding per available unit: 1 to 1,000. More than 1 makes up for visitors who do not
   * buy.
   * @default 1.2
   */
  overcommit?: number | undefined
  /**
   * How many passes may be outstanding at most, whatever the rate and the stock: 1 to 10,000,000. A
   * turn counts as a pass. A pass is outstanding until it expires, is given up or revoked, or was
   * used in a sale whose stock limits admission.
   * @default no limit
   */
  maxActive?: number | undefined
}

/** What `room.create` takes. */
export interface RoomRules {
  /** When the room opens: a Date or epoch ms. @default at once */
  opensAt?: Date | number | undefined
  /**
   * `random`: when the room opens, visitors who joined before `opensAt` are shuffled by a seed
   * whose hash was published before.
   * @default 'fifo'
   */
  order?: 'fifo' | 'random' | undefined
  /**
   * Tiers of visitors, at most 8. While a visitor of one is present, no visitor of a later one is
   * admitted; rate, stock and `maxActive` count for all of them together.
   * @default none: one queue
   */
  tiers?: readonly string[] | undefined
}

/** What `room.update` takes: what is not given stays as it is. */
export interface RoomUpdate {
  /** `null`: the room is open. */
  opensAt?: Date | number | null | undefined
  /**
   * All tiers, in their new order; the room keeps those it has. If it had none, its visitors are in
   * the last one from now on.
   */
  tiers?: readonly string[] | undefined
}

const RULES: Names<RoomRules> = { opensAt: true, order: true, tiers: true }
const UPDATE: Names<RoomUpdate> = { opensAt: true, tiers: true }

function checkTiers(value: unknown): string[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > MAX_TIERS)
    throw invalid('tiers', `must be a list of 1 to ${MAX_TIERS} names`)
  const names = Array.from(value as unknown[]).map((name, i) => checkId(name, `tiers[${i}]`))
  names.forEach((name, i) => {
    if (names.indexOf(name) < i) throw invalid(`tiers[${i}]`, 'must not be given twice')
  })
  return names
}

export function checkRoomUpdate(update: RoomUpdate): RoomOp<'update'> {
  const { opensAt, tiers } = checkOptions(update, 'update', UPDATE)
  return {
    opensAt: opensAt === undefined ? null : { to: opensAt === null ? null : checkMoment(opensAt, 'opensAt') },
    tiers: tiers === undefined ? null : checkTiers(tiers),
  }
}

/** Converts a number with at most three decimals to whole thousandths. */
function checkThousandths(value: unknown, argument: string, min: number, max: number): number {
  const thousandths = typeof value === 'number' ? Math.round(value * 1_000) : Number.NaN
  if (!(thousandths >= min * 1_000 && thousandths <= max * 1_000 && thousandths / 1_000 === value)) {
    throw invalid(argument, `must be a number from ${min} to ${max} with at most three decimals`)
  }
  return thousandths
}

export function checkRate(value: unknown, argument = 'ratePerSecond'): number {
  return checkThousandths(value, argument, 0, 1_000_000)
}

export function checkBurst(value: unknown): number {
  return checkInteger(value, 'burst', 1, 1_000_000)
}

export function checkAdmission({ ratePerSecond, burst }: AdmissionOptions): AdmissionRate {
  const rate = checkRate(ratePerSecond)
  return { rate, burst: burst === undefined ? Math.max(1, Math.ceil(rate / 1_000)) : checkBurst(burst) }
}

/** The rules that `new WaitingRoom` takes. */
export type HandleRules = Pick<StoredRoomRules, 'claimMs' | 'passMs' | 'sale' | 'overcommit' | 'maxActive'>

/** @returns Each rule with its default. */
export function checkHandleRules(options: AdmissionOptions, sale: string | null): HandleRules {
  const { claimMs = 30_000, passMs = 300_000, overcommit = 1.2, maxActive } = options
  return {
    claimMs: checkInteger(claimMs, 'claimMs', 100, 600_000),
    passMs: checkInteger(passMs, 'passMs', 100, 86_400_000),
    sale,
    overcommit: checkThousandths(overcommit, 'overcommit', 1, 1_000),
    maxActive: maxActive === undefined ? null : checkInteger(maxActive, 'maxActive', 1, 10_000_000),
  }
}

/**
 * The rules that a handle states: the options that it was given, and its sale, which it states by
 * giving none as well.
 */
export function statedRules(options: AdmissionOptions, rules: HandleRules): Partial<HandleRules> {
  const isStated = (name: string) => name === 'sale' || options[name as keyof AdmissionOptions] !== undefined
  return Object.fromEntries(Object.entries(rules).filter(([name]) => isStated(name)))
}

/** Converts the rules to their one canonical form. */
export function normalizeRoom(
  creation: RoomRules,
  { claimMs, passMs, sale, overcommit, maxActive }: HandleRules,
): StoredRoomRules {
  const { opensAt, order = 'fifo', tiers } = checkOptions(creation, 'rules', RULES)
  if (order !== 'fifo' && order !== 'random') throw invalid('order', "must be 'fifo' or 'random'")
  if (order === 'random' && opensAt === undefined)
    throw invalid('opensAt', "must be given with order 'random': those who come before it are shuffled")
  return {
    order,
    tiers: tiers === undefined ? [] : checkTiers(tiers),
    opensAt: opensAt === undefined ? null : checkMoment(opensAt, 'opensAt'),
    claimMs,
    passMs,
    sale,
    overcommit,
    maxActive,
  }
}

/** Names the rules as `new WaitingRoom` and `room.create` do. */
export function nameRoomRules({
  order,
  tiers,
  opensAt,
  claimMs,
  passMs,
  sale,
  overcommit,
  maxActive,
}: StoredRoomRules): NamedRules {
  return new Map<string, string | number | null>([
    ['order', order],
    ['tiers', tiers.length === 0 ? null : JSON.stringify(tiers)],
    ['opensAt', shownMoment(opensAt)],
    ['claimMs', claimMs],
    ['passMs', passMs],
    ['sale', sale === null ? null : JSON.stringify(sale)],
    ['overcommit', overcommit / 1_000],
    ['maxActive', maxActive],
  ])
}

/** The id of the room's sale, which may be given as an id or a handle. */
export function checkSaleId(sale: unknown): string | null {
  if (sale === undefined) return null
  if (typeof sale === 'string') return checkId(sale, 'sale')
  const handle = sale as { id?: unknown; stats?: unknown } | null
  if (typeof handle?.stats !== 'function') throw invalid('sale', 'must be a FlashSale or the id of one')
  return checkId(handle.id, 'sale')
}
