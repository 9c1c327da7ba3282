const tuning = {
  /** Over which time a slope is measured. ms */
  windowMs: 10_000,
  /** The shortest time that says something. ms */
  leastMs: 900,
}

interface Point {
  readonly at: number
  readonly value: number
}

/** How fast numbers grow, each over the last ten seconds. */
export class Slopes {
  readonly #series = new Map<string, Point[]>()
  #used = new Set<string>()

  /** Adds a point to a series. `null`: the series is too short to tell. Per second */
  perSecond(series: string, value: number, at: number): number | null {
    this.#used.add(series)
    const recent = (this.#series.get(series) ?? []).filter((point) => at - point.at <= tuning.windowMs)
    const first = recent[0]
    recent.push({ at, value })
    this.#series.set(series, recent)
    if (first === undefined || at - first.at < tuning.leastMs) return null
    return ((value - first.value) * 1_000) / (at - first.at)
  }

  /** Forgets the series to which nothing was added since the last time. */
  forgetUnused(): void {
    for (const name of this.#series.keys()) if (!this.#used.has(name)) this.#series.delete(name)
    this.#used = new Set()
  }
}
