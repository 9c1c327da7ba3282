/** The room's own figures at one moment of this process. */
export interface Reading {
  /** ms of `performance.now()`. */
  readonly at: number
  readonly admitted: number
  /**
   * Whether only the rate limited the admissions: units were there, and visitors waited for them.
   */
  readonly isBusy: boolean
}

export interface Achieved {
  /** Passes per second over the whole of it. */
  readonly perSecond: number
  readonly slowest: number
  readonly fastest: number
  /** How long the rate was the limit, in ms. */
  readonly ms: number
}

const SECOND = 1_000
/** How late a reading may be to count as one at the end of a second. */
const TOLERANCE = 150

/**
 * The rate at which passes were given while the rate was the limit: in the longest run of busy
 * readings. `undefined` if that was less than a second.
 */
export function achieved(readings: readonly Reading[], burst: number): Achieved | undefined {
  const busy = longestBusy(readings, burst)
  const first = busy[0]
  const last = busy.at(-1)
  if (!first || !last || last.at - first.at < SECOND) return undefined
  const seconds: number[] = []
  for (let from = first; ; ) {
    const to = busy.find(({ at }) => at - from.at >= SECOND)
    if (!to) break
    // A busy process reads late; the rate is taken over the time that has passed.
    if (to.at - from.at <= SECOND + TOLERANCE) seconds.push(rate(from, to))
    from = to
  }
  const perSecond = rate(first, last)
  return {
    perSecond,
    slowest: Math.min(...seconds, perSecond),
    fastest: Math.max(...seconds, perSecond),
    ms: last.at - first.at,
  }
}

/** Without the first burst, which the full token bucket admits at once. */
function longestBusy(readings: readonly Reading[], burst: number): Reading[] {
  let longest: Reading[] = []
  let run: Reading[] = []
  for (const reading of readings) {
    if (reading.isBusy && reading.admitted >= burst) run.push(reading)
    else run = []
    if (run.length > longest.length) longest = run
  }
  return longest
}

function rate(from: Reading, to: Reading): number {
  return ((to.admitted - from.admitted) * SECOND) / (to.at - from.at)
}
