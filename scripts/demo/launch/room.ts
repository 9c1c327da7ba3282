import { randomBytes } from 'node:crypto'
import { type FlashSale, WaitingRoom } from '../../../src/index.js'
import type { LaunchOptions } from '../options.js'
import type { Store } from '../store.js'

/**
 * From the first joins until the room opens: long enough for the room to learn which visitors are
 * absent.
 */
const GATHER_MS = 4_500
/** Seconds here, minutes in a real launch. */
const CLAIM_MS = 6_000
const PASS_HOLDS = 2

export function passMsOf({ holdMs }: LaunchOptions): number {
  return Math.max(1_000, PASS_HOLDS * holdMs)
}

/** Creates the waiting room of the sale, which opens soon by the clock of the server. */
export async function openRoom(
  sale: FlashSale | string,
  options: LaunchOptions,
  store: Store,
): Promise<WaitingRoom> {
  const { rate, stretch } = options
  const room = new WaitingRoom('mango-me-launch', {
    engine: store.engine,
    secret: randomBytes(32).toString('hex'),
    sale,
    ratePerSecond: rate,
    // Small, since the burst is admitted on top of the rate.
    burst: Math.max(1, Math.ceil(rate / 10)),
    claimMs: Math.round(CLAIM_MS * stretch),
    passMs: passMsOf(options),
    deadlineMs: 20_000,
    // A visitor whose poll fails polls again.
    onUnavailable: 'refuse',
  })
  await room.create({ opensAt: (await store.now()) + Math.round(GATHER_MS * stretch) })
  return room
}
