import type { SaleRules } from '../../../../src/sale/rules.js'
import { EPOCH } from '../../../../src/testing/agenda.js'
import type { RoomRules } from '../../../../src/waiting-room/room-rules.js'
import type { Random } from '../random.js'

/** A waiting room of one run, who comes, and the sale behind it, if there is one. */
export interface RoomPlan {
  readonly creation: RoomRules
  readonly ratePerSecond: number
  readonly burst: number
  readonly claimMs: number
  readonly passMs: number
  readonly overcommit: number
  readonly maxActive: number | undefined
  readonly onUnavailable: 'hold' | 'refuse'
  readonly deadlineMs: number
  readonly processes: number
  readonly visitors: number
  /** Visitors come within so many ms. */
  readonly comeMs: number
  /** What operators do, and how many times. */
  readonly operations: number
  readonly actions: readonly RoomAction[]
  readonly sale: SaleRules | null
}

export const TIERS = ['members', 'public']

export type RoomAction =
  | 'pause'
  | 'long pause'
  | 'rate'
  | 'rate 0'
  | 'revoke'
  | 'block'
  | 'stats'
  | 'restock'
  | 'end'
  | 'sale pause'

const everyAction: readonly RoomAction[] = [
  'pause',
  'long pause',
  'rate',
  'rate 0',
  'revoke',
  'revoke',
  'block',
  'block',
  'stats',
]
const saleActions: readonly RoomAction[] = ['restock', 'sale pause', 'end']

/** A room so small that everything about it happens within seconds. */
export function drawRoomPlan(random: Random): RoomPlan {
  const coupled = random.chance(0.5)
  const opensAt = random.chance(0.4) ? EPOCH + random.whole(1, 4_000) : undefined
  const order = opensAt !== undefined && random.chance(0.6) ? ('random' as const) : ('fifo' as const)
  const some = (of: readonly RoomAction[]) => of.filter(() => random.chance(0.4))
  return {
    creation: opensAt === undefined ? {} : { opensAt, order },
    ratePerSecond: random.pick([0.5, 2, 10, 100]),
    burst: random.pick([1, 1, 2, 5]),
    claimMs: random.pick([100, 400, 1_500, 4_000]),
    passMs: random.pick([500, 2_000, 5_000]),
    overcommit: random.pick([1, 1, 1.2, 2]),
    maxActive: random.pick([undefined, undefined, undefined, 1, 3]),
    onUnavailable: random.chance(0.85) ? 'hold' : 'refuse',
    deadlineMs: random.pick([100, 500, 2_000]),
    processes: random.whole(1, 3),
    visitors: random.whole(2, 12),
    comeMs: random.pick([5, 500, 5_000]),
    operations: random.whole(0, 5),
    actions: ['stats', ...some(everyAction), ...(coupled ? some(saleActions) : [])],
    sale: coupled
      ? { stock: { a: random.whole(1, 5) }, holdMs: random.pick([400, 3_000]), maxHoldMs: 10_000 }
      : null,
  }
}
