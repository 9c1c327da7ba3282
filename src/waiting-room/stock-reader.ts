import type { SkuRule } from '../engine/engine.js'
import type { StockReading } from '../engine/room.js'
import { outsideTimes } from '../engine/rules.js'
import { contextOf, type FlashSale } from '../sale/flash-sale.js'

/** The rules of a sale's SKUs, and the server's time. */
interface Known {
  readonly skus: readonly SkuRule[]
  readonly serverTime: number
}

/**
 * Reads the stock of a sale in the form that admission needs: of the SKUs that a buyer with a pass
 * can buy at this moment.
 */
export async function readStock(
  sale: FlashSale,
  now: () => number,
  learn: (sale: FlashSale) => Promise<Known> = known,
): Promise<StockReading> {
  // Taken before the call: units sold from here on may be missing from the answer.
  const at = Math.floor(now())
  const { state, skus: all } = await sale.stats()
  const { skus, serverTime } = await learn(sale)
  let available = 0
  let couldReturn = 0
  let isPutOff = false
  const rules = new Map(skus.map((rule) => [rule.sku, rule]))
  for (const [sku, counts] of Object.entries(all)) {
    const time = timeOf(rules.get(sku), serverTime)
    if (time === 'never') continue
    // Units that return to another SKU do not come back to this one.
    const onHold = rules.get(sku)?.returnsTo === undefined ? counts.held : 0
    const held = Math.max(0, onHold + counts.inTransit - (counts.owed ?? 0))
    if (time === 'later') {
      isPutOff ||= counts.available + held > 0
      continue
    }
    available += counts.available
    couldReturn += held
  }
  if (state === 'ended') return { at, state, available }
  if (available + couldReturn === 0) return { at, state: isPutOff ? 'closed' : 'sold_out', available }
  return { at, state: state === 'open' ? 'open' : 'closed', available }
}

/** The rules as the handle knows them: the answer of `stats` has told of newer ones. */
async function known(sale: FlashSale): Promise<Known> {
  const { client } = contextOf(sale)
  const { rules } = await client.learn(client.call())
  return { skus: rules.skus, serverTime: client.serverNow(0) }
}

/** When a buyer with a pass can buy a SKU. One that is sold without a pass is not for them. */
function timeOf(rule: SkuRule | undefined, now: number): 'now' | 'later' | 'never' {
  if (!rule) return 'now'
  const outside = outsideTimes(rule, now)
  if (rule.always || outside?.status === 'ended') return 'never'
  return outside ? 'later' : 'now'
}
