import { type Judgement, judge, type Point, tolerances } from './judge.js'
import type { Sample } from './messages.js'

const MEBIBYTE = 2 ** 20

export interface JudgedSeries extends Judgement {
  readonly name: string
  readonly values: readonly number[]
}

/** The samples over time, by name. */
export class AllSeries {
  readonly #points = new Map<string, Point[]>()
  #count = 0
  #judged: readonly JudgedSeries[] | undefined

  get samples(): number {
    return this.#count
  }

  add(seconds: number, sample: Sample): void {
    this.#count++
    this.#judged = undefined
    for (const [name, value] of Object.entries(sample)) {
      const points = this.#points.get(name) ?? []
      this.#points.set(name, points)
      points.push([seconds, value])
    }
  }

  judged(): readonly JudgedSeries[] {
    this.#judged ??= [...this.#points].map(([name, points]) => ({
      name,
      values: points.map(([, value]) => value),
      ...judge(points, toleranceOf(name)),
    }))
    return this.#judged
  }
}

/** A name includes the unit unless it is a count. */
function toleranceOf(name: string) {
  if (!name.includes('(MiB)')) return tolerances.count
  return { ...tolerances.bytes, growth: tolerances.bytes.growth / MEBIBYTE }
}
