/** The growth above which a rising trend is a leak. Both conditions must hold. */
export interface Tolerance {
  /** Growth over the judged span, in the unit of the series. */
  readonly growth: number
  /** The same as a share of the median. */
  readonly share: number
}

export const tolerances = {
  bytes: { growth: 2 * 2 ** 20, share: 0.05 },
  count: { growth: 0.5, share: 0 },
} satisfies Record<string, Tolerance>

/**
 * The share of the samples that is dropped from the beginning, while caches fill and code is
 * compiled.
 */
const WARM_UP_SHARE = 0.25
/** With fewer samples after the warm-up nothing is judged. */
const FEWEST_SAMPLES = 8
/** More samples are condensed: there are half as many slopes as the square of this. */
const MOST_SAMPLES = 400
/**
 * A trend is significant if fewer than one in a hundred series without a trend would show it: so
 * much of the standard normal distribution lies above this.
 */
const CRITICAL_Z = 2.326

export type Point = readonly [seconds: number, value: number]

export interface Judgement {
  readonly first: number
  readonly last: number
  readonly median: number
  readonly slopePerHour: number
  /** The slope times the judged span. */
  readonly growth: number
  readonly verdict: 'steady' | 'leaking' | 'too few samples'
}

/**
 * Whether a series leaks. It does if its trend over all samples after the warm-up is significant,
 * its growth exceeds the tolerance, and it still rises in the second half: a single step is no
 * leak. The slope is the median of the slopes between all pairs of samples, which up to 29 % of
 * outliers cannot move far (Theil 1950, Sen 1968). The trend is tested by the signs of those
 * slopes, with ties (Mann 1945, Kendall 1975). Samples that depend on their neighbours make a trend
 * look more significant than it is, which is why the growth must exceed a tolerance too.
 */
export function judge(points: readonly Point[], tolerance: Tolerance): Judgement {
  const warm = points.slice(Math.floor(points.length * WARM_UP_SHARE))
  const judged = condensed(warm)
  const values = judged.map(([, value]) => value)
  const slope = theilSen(judged)
  const growth = slope * ((judged.at(-1)?.[0] ?? 0) - (judged[0]?.[0] ?? 0))
  const typical = median(values)
  const leaking =
    growth > tolerance.growth &&
    growth > tolerance.share * typical &&
    mannKendall(values) > CRITICAL_Z &&
    theilSen(judged.slice(Math.floor(judged.length / 2))) > 0
  return {
    first: warm[0]?.[1] ?? Number.NaN,
    last: warm.at(-1)?.[1] ?? Number.NaN,
    median: typical,
    slopePerHour: slope * 3_600,
    growth,
    verdict: judged.length < FEWEST_SAMPLES ? 'too few samples' : leaking ? 'leaking' : 'steady',
  }
}

/** Replaces neighbours by their median if there are too many samples. */
function condensed(points: readonly Point[]): readonly Point[] {
  const together = Math.ceil(points.length / MOST_SAMPLES)
  if (together <= 1) return points
  return Array.from({ length: Math.floor(points.length / together) }, (_, index) => {
    const some = points.slice(index * together, (index + 1) * together)
    return [median(some.map(([time]) => time)), median(some.map(([, value]) => value))]
  })
}

/** Per second. */
export function theilSen(points: readonly Point[]): number {
  const slopes: number[] = []
  for (const [at, [time, value]] of points.entries())
    for (const [later, its] of points.slice(at + 1)) slopes.push((its - value) / (later - time))
  return slopes.length === 0 ? 0 : median(slopes)
}

/**
 * How far above zero the trend of the values is, in standard deviations of a series without any.
 */
export function mannKendall(values: readonly number[]): number {
  const { length } = values
  let score = 0
  for (const [at, value] of values.entries())
    for (const later of values.slice(at + 1)) score += Math.sign(later - value)
  const ties = new Map<number, number>()
  for (const value of values) ties.set(value, (ties.get(value) ?? 0) + 1)
  const spread = (count: number) => count * (count - 1) * (2 * count + 5)
  const variance = [...ties.values()].reduce((left, count) => left - spread(count), spread(length)) / 18
  return variance === 0 ? 0 : (score - Math.sign(score)) / Math.sqrt(variance)
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
