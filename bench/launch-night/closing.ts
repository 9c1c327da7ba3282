import { closedLoop } from '../../scripts/lib/load/drive.js'
import type { Invariants } from '../../scripts/lib/load/invariants.js'
import { random } from '../../scripts/lib/random.js'
import type { FlashSale } from '../../src/index.js'
import type { Told } from './buyers.js'
import { LIMIT, type NightPlan, skuOf } from './plan.js'

/** Stores that are audited. */
const AUDITED_STORES = 20

/** What all buyers of all processes were told. */
export function sumOf(all: readonly Told[]): Told {
  const sum = (field: { [K in keyof Told]: Told[K] extends number ? K : never }[keyof Told]) =>
    all.reduce((total, told) => total + told[field], 0)
  const units = (field: 'confirmedUnits' | 'heldUnits') =>
    all[0]![field].map((_, sale) => all.reduce((total, told) => total + told[field][sale]!, 0))
  const bought = new Map<string, number>()
  for (const told of all)
    for (const [buyer, quantity] of told.bought) bought.set(buyer, (bought.get(buyer) ?? 0) + quantity)
  return {
    reserved: sum('reserved'),
    confirmed: sum('confirmed'),
    lateConfirmed: sum('lateConfirmed'),
    refundDue: sum('refundDue'),
    released: sum('released'),
    doubleClicks: sum('doubleClicks'),
    doubled: sum('doubled'),
    cheated: sum('cheated'),
    abandoned: sum('abandoned'),
    operations: sum('operations'),
    confirmedUnits: units('confirmedUnits'),
    heldUnits: units('heldUnits'),
    bought,
  }
}

/**
 * Checks what must hold when the night is over: the counts of the sales, and what the buyers were
 * told.
 */
export async function close(
  plan: NightPlan,
  sales: readonly FlashSale[],
  told: Told,
  invariants: Invariants,
): Promise<void> {
  await closedLoop({
    callers: 200,
    limit: { count: sales.length },
    work: async (sale) => {
      await checkCounts(plan, sales, sale, told, invariants)
      return 'accepted'
    },
  }).then(({ failed, error }) => {
    invariants.check('every sale answers at the end', failed === 0, `${failed} do not: ${error}`)
  })
  const dice = random(plan.night.seed)
  const sample = Array.from({ length: AUDITED_STORES }, () => 1 + Math.floor(dice() * plan.night.stores))
  for (const sale of new Set([0, ...sample])) {
    const { ok, violations } = await sales[sale]!.audit()
    invariants.check(
      'the audits of mango-me and of a sample of stores find no violation',
      ok,
      `${sales[sale]!.id}: ${violations[0]?.message}`,
    )
  }
  const most = Math.max(0, ...new Set(told.bought.values()))
  invariants.check(
    'no buyer of mango-me bought more than the limit',
    most <= LIMIT,
    `one buyer bought ${most}`,
  )
  const { doubled, cheated, abandoned } = told
  invariants.check('a double click makes one reservation', doubled === 0, `${doubled} made two`)
  invariants.check('a payment in time is confirmed', cheated === 0, `${cheated} were not`)
  invariants.check('every order gets an answer', abandoned === 0, `${abandoned} got none`)
}

async function checkCounts(
  plan: NightPlan,
  sales: readonly FlashSale[],
  sale: number,
  told: Told,
  invariants: Invariants,
): Promise<void> {
  const { id } = sales[sale]!
  const { total, available, held, confirmed, inTransit } = (await sales[sale]!.stats()).skus[skuOf(sale)]!
  const stock = plan.stock(sale)
  invariants.check(
    "every sale's counts add up to its stock, none below zero",
    total === stock &&
      available + held + confirmed + inTransit === total &&
      Math.min(available, held, confirmed, inTransit) >= 0,
    `${id}: ${available} available, ${held} held, ${confirmed} confirmed of ${stock}`,
  )
  const [toldConfirmed, toldHeld] = [told.confirmedUnits[sale]!, told.heldUnits[sale]!]
  invariants.check(
    'the buyers were told of no more units than there are',
    toldConfirmed + toldHeld <= stock,
    `${id}: ${toldConfirmed} confirmed and ${toldHeld} held of ${stock}`,
  )
  invariants.check(
    'every sale has confirmed and holds exactly what its buyers were told',
    confirmed === toldConfirmed && held === toldHeld,
    `${id}: ${confirmed} confirmed and ${held} held, told ${toldConfirmed} and ${toldHeld}`,
  )
}
