import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type pg from 'pg'
import type { Engine, FlashSale } from '../../../src/index.js'
import type { PostgresLedger } from '../../../src/postgres.js'
import type { Random } from '../../lib/random.js'
import type { Calls } from './calls.js'

/** Of most calls. ms */
export const DEADLINE_MS = 1_000

/** What the parts of the application share. */
export interface ApplicationContext {
  readonly calls: Calls
  /** Passed to many calls and never aborted: no listener may stay on it. */
  readonly shutdown: AbortController
  readonly secret: string
  readonly seed: number
  readonly redis: string
  /** The application's own client, on which engines come and go. */
  readonly client: Redis
  readonly shared: Engine
  readonly own: Engine
  readonly pool: pg.Pool
  readonly ledger: PostgresLedger
}

/** Tells the work of a round when to end. */
export interface Until {
  readonly isOver: boolean
}

/** A sale of one round, its handles, and the units confirmed to buyers. */
export interface OpenSale {
  readonly name: string
  readonly handles: readonly FlashSale[]
  readonly confirmed: Record<string, number>
}

/** Pauses for up to `most` ms; ends soon after the round does. */
export async function pause(most: number, dice: Random, until: Until): Promise<void> {
  for (let left = dice() * most; left > 0 && !until.isOver; left -= 100) await delay(Math.min(left, 100))
}
