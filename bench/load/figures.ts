import type { Figure } from '../part.js'

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A figure measured several times: its median, with the lowest and the highest. */
export function figureOf(rounds: readonly number[], about: Omit<Figure, 'value' | 'spread'>): Figure {
  return { ...about, value: median(rounds), spread: [Math.min(...rounds), Math.max(...rounds)] }
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
