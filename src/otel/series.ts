import type { BatchObservableResult } from '@opentelemetry/api'
import type { Instruments } from './instruments.js'

type Gauge = Instruments['units']
type Labels = Readonly<Record<string, string>>

const tuning = {
  /** Series of one gauge that are kept: as many as OpenTelemetry's SDK keeps by default. */
  most: 2_000,
}

/**
 * The series of some gauges. What has the same labels adds up: several names beyond a bound do. A
 * series that is not told any more is told as 0, since the SDK would go on to tell its last value.
 */
export class Series {
  readonly #gauges = new Map<Gauge, Map<string, { readonly labels: Labels; sum: number }>>()

  /** A reading begins. */
  clear(): void {
    for (const series of this.#gauges.values()) for (const one of series.values()) one.sum = 0
  }

  add(gauge: Gauge, value: number, labels: Labels): void {
    const series = this.#gauges.get(gauge) ?? new Map()
    this.#gauges.set(gauge, series)
    const key = JSON.stringify(labels)
    const sum = (series.get(key)?.sum ?? 0) + value
    // The latest told is the last to be forgotten.
    series.delete(key)
    series.set(key, { labels, sum })
    if (series.size > tuning.most) series.delete(series.keys().next().value)
  }

  observe(result: BatchObservableResult): void {
    for (const [gauge, series] of this.#gauges)
      for (const { labels, sum } of series.values()) result.observe(gauge, sum, labels)
  }
}
