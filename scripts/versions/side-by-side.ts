import type { Books, Stage } from '../drill/stage.js'
import type { Program } from '../lib/workers.js'

/** What an operator changes in the control room of this version, while servers of both run. */
const CHANGES: readonly (readonly [operation: string, target: string, given: object])[] = [
  ['pause', 'sale:launch', {}],
  ['resume', 'sale:launch', {}],
  ['update', 'sale:launch', { limitPerBuyer: 3, stock: { case: 50 } }],
  ['restock', 'sale:launch', { sku: 'phone', quantity: 100, key: 'delivery' }],
  ['set-total', 'sale:launch', { sku: 'case', total: 60, key: 'count' }],
  ['move', 'sale:launch', { from: 'phone', to: 'case', quantity: 5, key: 'move' }],
  ['rate', 'room:launch', { perSecond: 40 }],
  ['block', 'room:launch', { buyer: 'bot' }],
]

/**
 * A rolling deployment in the middle of a sale: two servers of an earlier version have opened it,
 * two of this version come, an operator changes what can be changed, and the earlier ones leave.
 * Consumers, followers of the ledger and waiting rooms of both share their work, and go on with
 * reservations that the other version made.
 *
 * @param sales How many reservations each server makes between two steps.
 * @throws If a server does not do what it is asked, or a change is refused.
 */
export async function sideBySide(
  stage: Stage,
  earlier: Program,
  { sales }: { readonly sales: number },
  mark: (step: string) => void,
): Promise<Books> {
  const old = await stage.start(['earlier-a', 'earlier-b'], earlier)
  await stage.sell(sales)
  mark('the earlier version sells')
  const present = await stage.start(['present-a', 'present-b'])
  await stage.sell(sales)
  mark('both sell')
  await stage.operator.open()
  for (const change of CHANGES) await stage.operator.operate(...change)
  await stage.sell(sales)
  mark('both sell by changed rules')
  await stage.leave(old)
  await stage.sell(sales, present)
  mark('the earlier version has left')
  return stage.closeBooks(present)
}
