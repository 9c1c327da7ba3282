import type { LineChart } from '../charts.js'

export type Points = [x: number[], ...y: (number | null)[][]]

/**
 * The points as the plot wants them: x ascending, and on a logarithmic axis only what has a place
 * there.
 */
export function pointsOf({ x, y, series }: LineChart): Points {
  const order = x.values
    .map((_, index) => index)
    .filter((index) => !x.log || x.values[index]! > 0)
    .sort((a, b) => x.values[a]! - x.values[b]!)
  const place = (value: number | null) => (value !== null && y.log && value <= 0 ? null : value)
  return [
    order.map((index) => x.values[index]!),
    ...series.map(({ values }) => order.map((index) => place(values[index]!))),
  ]
}

/** Batch sizes and the like read best in powers of two. */
export function logBase(values: readonly number[]): 2 | 10 {
  return values.every((value) => Number.isInteger(Math.log2(value))) ? 2 : 10
}
