/** A time of a sale or room, and how far it is ahead of the clock as of then. ms */
export interface Time {
  readonly now: number
  readonly ahead: number
}

/** The moment of a call: what the clock shows, and the time that is answered. */
export interface Moment extends Time {
  readonly clock: number
  /**
   * The time has just begun to be ahead: a call that may write stores that, because time advances
   * from there.
   */
  readonly isSetBack: boolean
}

/** The time before anything was written. */
export const NEVER: Time = { now: 0, ahead: 0 }

/**
 * The time that belongs to a clock reading, see "Time" of {@link Port}.
 *
 * @param last The latest time that was written.
 * @param floor The latest time that the caller has seen.
 */
export function momentAt(clock: number, last: Time, floor: number): Moment {
  const elapsed = clock - (last.now - last.ahead)
  const passed = Math.floor(Math.max(elapsed, 0) / 2)
  const now = last.now + passed
  if (Math.max(now, floor) <= clock) return { clock, now: clock, ahead: 0, isSetBack: false }
  if (floor > now) return { clock, now: floor, ahead: floor - clock, isSetBack: true }
  if (elapsed < 0) return { clock, now, ahead: now - clock, isSetBack: true }
  return { clock, now, ahead: last.ahead - passed, isSetBack: false }
}
