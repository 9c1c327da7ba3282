/**
 * What every part of the suite gets and answers. The report draws what it finds here, and knows no
 * part by name.
 */

import type { Invariant } from '../scripts/lib/load/invariants.js'
import type { BarChart, LineChart } from '../scripts/lib/report/charts.js'
import type { Progress } from '../scripts/lib/terminal/progress-line.js'
import type { Table } from '../src/cli/terminal/table.js'

/** A scalar worth comparing between two runs. */
export interface Figure {
  /** Stable name, such as `peers.stockhold`: targets and comparisons find it by this. */
  readonly id: string
  readonly label: string
  /** `/s`, `ms`, `bytes`, `ratio`, ... */
  readonly unit: string
  /** The median, where it was measured several times. */
  readonly value: number
  /** Lowest and highest of the rounds: what is within it is noise. */
  readonly spread?: readonly [low: number, high: number]
  readonly better: 'higher' | 'lower'
}

export interface PartResult {
  readonly figures: readonly Figure[]
  readonly tables: readonly Table[]
  readonly charts: readonly (LineChart | BarChart)[]
  /** One invariant that does not hold fails the whole run. */
  readonly invariants: readonly Invariant[]
}

export interface BenchRedis {
  readonly url: string
  /** Whether the suite has started it, and so may configure, flush and stop it. */
  readonly own: boolean
}

export interface Context {
  /** Less than three minutes for the suite: smaller rounds, and fewer of them. */
  readonly quick: boolean
  /** `--real-time`: the launch night takes as long as a real one. */
  readonly realTime: boolean
  readonly seed: number
  readonly progress: Progress
  /**
   * The Redis of `--redis`, or an empty one that the suite starts. On a foreign one use only keys
   * of prefixes made by {@link prefix}.
   */
  redis(): Promise<BenchRedis>
  /** Starts a further server with this configuration, which is stopped after the part. */
  ownRedis(config: Record<string, string>): Promise<BenchRedis>
  /** A new key prefix. Its keys are deleted after the part. */
  prefix(): string
}

/** Each part is a file in bench/, named after what it measures. */
export interface Part {
  readonly name: string
  readonly question: string
  run(context: Context): Promise<PartResult>
}
