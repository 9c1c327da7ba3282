import { createHash } from 'node:crypto'
import { contextOf } from '../sale/flash-sale.js'
import type { SaleState } from '../sale/results.js'
import type { Exchange, Reply } from './exchange.js'
import type { Checked } from './options.js'
import type { Header } from './problems.js'
import { SharedReading } from './shared-reading.js'
import type { SaleView, SkuView } from './views.js'

const tuning = {
  /** One question to the engine serves all requests of this time, in ms. */
  sharedMs: 500,
  /** How long a browser or a proxy may keep an answer, in seconds. */
  cacheSeconds: 1,
}

/** What all visitors see of a sale, without the time. */
type Seen = Omit<SaleView, 'now'>

/** The sale as it was read last, for `GET /sale` and `GET /readyz`. */
export class SaleReader {
  readonly #options: Checked
  readonly #reading: SharedReading<Seen & { readonly etag: string }>

  constructor(options: Checked) {
    this.#options = options
    this.#reading = new SharedReading(tuning.sharedMs, async () => {
      const seen = await this.#ask()
      return { ...seen, etag: etagOf(seen) }
    })
  }

  read() {
    return this.#reading.get()
  }

  async #ask(): Promise<Seen> {
    const { sale, allow } = this.#options
    const [rules, { state, skus }] = await Promise.all([sale.rules(), sale.stats()])
    const targets = new Set(Object.values(rules.skus).map(({ returnsTo }) => returnsTo))
    return {
      id: sale.id,
      state,
      opensAt: rules.opensAt,
      closesAt: rules.closesAt,
      holdMs: rules.holdMs,
      skus: Object.entries(rules.skus)
        .filter(([sku, { always }]) => allow !== undefined || !(always || targets.has(sku)))
        .map(([sku, { limitPerBuyer, returnsTo }]) => ({
          sku,
          available: skus[sku]?.available ?? 0,
          mayReturn: returnsTo === undefined && (skus[sku]?.held ?? 0) > 0,
          limitPerBuyer,
        })),
    }
  }
}

/** `GET /sale` */
export async function readSale(reader: SaleReader, exchange: Exchange): Promise<Reply<'sale'>> {
  const { etag: etagOfAll, ...seen } = await reader.read()
  const isForAll = exchange.options.allow === undefined
  const skus = isForAll ? seen.skus : await allowedOf(seen.skus, exchange)
  const etag = isForAll ? etagOfAll : etagOf({ ...seen, skus })
  const now = exchange.now()
  const headers: Header[] = [
    ['etag', etag],
    ['cache-control', `${isForAll ? 'public' : 'private'}, max-age=${tuning.cacheSeconds}`],
    // A cache that gets a 304 keeps the body it has and takes this header.
    ['stockhold-now', String(now)],
  ]
  return isKnown(etag, exchange.header('if-none-match'))
    ? { status: 304, body: null, headers }
    : { status: 200, body: { now, ...seen, skus }, headers }
}

async function allowedOf(skus: readonly SkuView[], exchange: Exchange): Promise<readonly SkuView[]> {
  const buyer = (await exchange.visitor())?.buyer
  const allowed = await Promise.all(skus.map(({ sku }) => isAllowed(sku, buyer, exchange)))
  return skus.filter((_, index) => allowed[index])
}

/** Whether the visitor may see and buy a SKU. */
export async function isAllowed(
  sku: string,
  buyer: string | undefined,
  { options, incoming }: Exchange,
): Promise<boolean> {
  const { sale, allow } = options
  if (allow !== undefined) return (await allow({ buyer, sku, request: incoming.native })) === true
  // Every buyer may buy the SKU, as far as the rules are known: it is not for staff.
  const { client } = contextOf(sale)
  return (client.current ?? (await client.learn(client.call()))).isForCrowd(sku)
}

/** Weak: the time in the body is not part of it. */
function etagOf(seen: Seen): string {
  return `W/"${createHash('sha256').update(JSON.stringify(seen)).digest('base64url').slice(0, 22)}"`
}

function isKnown(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false
  const strong = (tag: string) => tag.trim().replace(/^W\//, '')
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((tag) => strong(tag) === strong(etag))
}

/** Why nothing can be sold in this state; `null` if something can. */
export function whyNot({ state, skus }: { readonly state: SaleState; readonly skus: readonly SkuView[] }) {
  if (state !== 'open') return state
  return skus.some(({ available }) => available > 0) ? null : 'sold_out'
}
