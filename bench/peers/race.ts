import { closedLoop } from '../../scripts/lib/load/drive.js'
import { buyerName, keyName } from '../../scripts/lib/load/sale.js'
import type { Peer } from './peer.js'

/**
 * The result of a sale with more buyers than units. Some buyers click twice, some want more than
 * the limit.
 */
export interface RaceResult {
  readonly units: number
  /** Different requests that were answered with a reservation. */
  readonly promised: number
  /** Reservations in the store; `null` if the peer records none. */
  readonly recorded: number | null
  /** Units promised, or recorded, beyond those there were. */
  readonly oversold: number
  /** Buyers with more than the limit. */
  readonly overLimit: number
  /** Units taken again for a key that already had one, or without a reservation to show for it. */
  readonly takenTwice: number
  /** Units left, as the peer counts them. */
  readonly left: number
  readonly failed: number
  readonly fault: string | undefined
}

const BUYERS_A_UNIT = 2.4

interface Request {
  readonly buyer: string
  readonly key: string
}

/** Far more buyers than units. Every tenth clicks twice at once; every twentieth wants four. */
function requests(units: number): Request[] {
  let keys = 0
  return Array.from({ length: Math.ceil(BUYERS_A_UNIT * units) }, (_, n) => {
    const buyer = buyerName(n)
    const wanted = n % 20 === 0 ? 4 : 1
    const own = Array.from({ length: wanted }, () => ({ buyer, key: keyName(keys++) }))
    return n % 10 === 0 ? own.flatMap((request) => [request, request]) : own
  }).flat()
}

export async function race(peer: Peer, units: number, limit: number): Promise<RaceResult> {
  await peer.create(units)
  const queue = requests(units)
  const told = new Map<string, Set<string>>()
  const tally = await closedLoop({
    callers: peer.callers,
    limit: { count: queue.length },
    work: async (n) => {
      const { buyer, key } = queue[n]!
      if ((await peer.reserve(buyer, key)) === 'refused') return 'refused'
      const keys = told.get(buyer) ?? new Set()
      told.set(buyer, keys.add(key))
      return 'accepted'
    },
  })
  const { left, recorded, fault } = await peer.state()
  const kept = [...told.values()].map((keys) => keys.size)
  const promised = kept.reduce((sum, keys) => sum + keys, 0)
  const taken = units - Math.max(0, left)
  return {
    units,
    promised,
    recorded,
    oversold: Math.max(0, promised - units, (recorded ?? 0) - units),
    overLimit: kept.filter((keys) => keys > limit).length,
    takenTwice: Math.max(0, taken - promised),
    left,
    failed: tally.failed,
    fault: fault ?? (tally.error === undefined ? undefined : String(tally.error)),
  }
}

/** The guarantees of this peer that the race has broken. */
export function breaches(peer: Peer, result: RaceResult): string[] {
  const { promised, recorded, oversold, overLimit, takenTwice, failed, fault } = result
  const wrong = {
    stock: oversold > 0 && `oversold ${oversold}`,
    limit: overLimit > 0 && `${overLimit} buyers over the limit`,
    key:
      (takenTwice > 0 && `${takenTwice} units taken twice`) ||
      (recorded !== promised && `${recorded} reservations recorded, ${promised} promised`),
    expiry: false,
  }
  const broken = [...peer.promises.map((promise) => wrong[promise]), failed > 0 && `${failed} failed`, fault]
  return broken.filter((text): text is string => typeof text === 'string')
}
