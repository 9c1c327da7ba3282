import { randomBytes } from 'node:crypto'
import { type FlashSale, WaitingRoom } from '../../../src/index.js'
import type { LaunchOptions } from '../options.js'
import type { Store } from '../store.js'

/** The crowd gathers for so long before the door opens. Less, and the room could not know yet who does not come. */
const GATHER_MS = 4_500
/** What is minutes in a real launch is seconds here. */
const CLAIM_MS = 6_000
const PASS_HOLDS = 2

export function passMsOf({ holdMs }: LaunchOptions): number {
  return Math.max(1_000, PASS_HOLDS * holdMs)
}

/** The door in front of the sale: open in a moment, by the clock of the server. */
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
    // A small one: what it lets in at once comes on top of the rate.
    burst: Math.max(1, Math.ceil(rate / 10)),
    claimMs: Math.round(CLAIM_MS * stretch),
    passMs: passMsOf(options),
    deadlineMs: 5_000,
    // Who is not answered is told, and looks again.
    onUnavailable: 'refuse',
  })
  await room.create({ opensAt: (await store.now()) + Math.round(GATHER_MS * stretch) })
  return room
}
