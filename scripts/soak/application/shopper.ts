import type { FlashSale, SignalOption } from '../../../src/index.js'
import type { Random } from '../../lib/random.js'
import { ABORTED } from './calls.js'
import { type ApplicationContext, type OpenSale, pause, type Until } from './context.js'

const BUYERS = 60
const REST_MS = 60
/** Calls are aborted after at most this time. ms */
const ABORT_MS = 15

/** Buys again and again, as one buyer or another. */
export async function shop(
  sale: OpenSale,
  app: ApplicationContext,
  dice: Random,
  until: Until,
): Promise<void> {
  for (let order = 1; !until.isOver; order++) {
    const buyer = `buyer-${Math.floor(dice() * BUYERS)}`
    const key = dice() < 0.5 ? `order-${order}-${Math.floor(dice() * 1e9)}` : undefined
    await buy(sale, { buyer, key }, app, dice)
    await pause(REST_MS, dice, until)
  }
}

export interface Wish {
  readonly buyer: string
  readonly key?: string | undefined
  readonly pass?: string | undefined
}

/** Reserves a unit, and then pays, releases, extends or does nothing. */
export async function buy(
  { handles, confirmed }: OpenSale,
  { buyer, key, pass }: Wish,
  app: ApplicationContext,
  dice: Random,
): Promise<void> {
  const { calls } = app
  const sale = handles[Math.floor(dice() * handles.length)]!
  const sku = dice() < 0.6 ? 'phone' : 'case'
  const request = { buyer, key, pass, items: [{ sku, quantity: 1 }] }
  const reserved =
    (await calls.ask('reserve', () => sale.reserve(request, signal(app, dice)))) ??
    // A buyer with a key asks again, and gets what was reserved.
    (key === undefined ? undefined : await calls.ask('reserve', () => sale.reserve(request)))
  if (reserved?.status !== 'reserved') {
    if (dice() < 0.2) await calls.ask('stats', () => sale.stats(signal(app, dice)))
    return
  }
  const { id } = reserved.reservation
  if (dice() < 0.2) await calls.ask('extend', () => sale.extend(id, { holdMs: 1_000, ...signal(app, dice) }))
  if (dice() < 0.2) await calls.ask('get', () => sale.get(id, signal(app, dice)))
  const luck = dice()
  if (luck < 0.15) return
  if (luck < 0.3) {
    await calls.ask('release', () => sale.release(id, signal(app, dice)))
    return
  }
  const refunds = luck > 0.9
  const paid = await pay(sale, id, app, dice)
  if (paid && !refunds) confirmed[sku] = (confirmed[sku] ?? 0) + 1
  if (paid && refunds)
    await calls.ask('refund', () => sale.refund(id, { restock: dice() < 0.7, ...signal(app, dice) }))
}

async function pay(sale: FlashSale, id: string, app: ApplicationContext, dice: Random): Promise<boolean> {
  const payment = { paymentId: `payment-${id}` }
  const confirm = () => sale.confirm(id, { ...payment, ...signal(app, dice) })
  const answer = (await app.calls.ask('confirm', confirm)) ?? (await app.calls.ask('confirm', confirm))
  return answer?.status === 'confirmed'
}

/** No signal, one that is never aborted, or one that is aborted soon. */
export function signal({ shutdown }: ApplicationContext, dice: Random): SignalOption {
  const luck = dice()
  if (luck < 0.5) return {}
  if (luck < 0.85) return { signal: shutdown.signal }
  const controller = new AbortController()
  if (luck < 0.87) controller.abort(ABORTED)
  else setTimeout(() => controller.abort(ABORTED), dice() * ABORT_MS)
  return { signal: controller.signal }
}
