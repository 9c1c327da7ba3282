import type { RoomOp, StockReading } from '../../../../src/engine/room.js'

/** Somebody's place. */
export interface Seen {
  readonly number: number
  readonly visitId: number
  readonly expiresAt: number | null
}

/** The room at one moment, as far as it is compared with the next. */
export interface Snapshot {
  /** When it last moved on. */
  readonly now: number
  readonly tokens: number
  readonly rate: number
  readonly burst: number
  readonly paused: boolean
  readonly turns: ReadonlySet<number>
  readonly admitted: number
  readonly missed: number
  readonly called: number
  readonly stock: StockReading | null
  readonly places: ReadonlyMap<string, Seen>
}

/** Whether a command gives the buyer's place up. */
export function ends(command: string, ops: readonly object[], buyer: string): boolean {
  if (command === 'transfer') return isTransferred(ops, buyer)
  if (command !== 'leave' && command !== 'revoke' && command !== 'block') return false
  return (ops as RoomOp<'revoke'>[]).some((op) => op.buyer === buyer)
}

/** Whether the buyer gives a place to another, or gets one, by a command `transfer`. */
export function isTransferred(ops: readonly object[], buyer: string): boolean {
  return (ops as RoomOp<'transfer'>[]).some((op) => op.buyer === buyer || op.to === buyer)
}

export function print({ places, turns, ...rest }: Snapshot): string {
  return JSON.stringify({ ...rest, turns: [...turns] })
}

/** The name of a guest after they have logged in. */
export function accountOf(guest: string): string {
  return `account of ${guest}`
}
