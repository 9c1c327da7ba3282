import type { Fault } from './faults.js'
import type { ClosedSale, RoundReport } from './messages.js'
import { AllSeries } from './series.js'

/** The course of a run. */
export class RunRecord {
  readonly series = new AllSeries()
  /** By call and answer. */
  readonly answers = new Map<string, Map<string, number>>()
  readonly faults = new Map<Fault, number>()
  readonly sales: ClosedSale[] = []
  /** Faults that ended the run, and checks that do not hold. */
  readonly broken: string[] = []

  /** @param extra Counted outside of the application. */
  add(seconds: number, { sample, answers, sales }: RoundReport, extra: RoundReport['sample']): void {
    this.series.add(seconds, { ...sample, ...extra })
    this.sales.push(...sales)
    for (const [call, counts] of Object.entries(answers)) {
      const known = this.answers.get(call) ?? new Map<string, number>()
      this.answers.set(call, known)
      for (const [answer, count] of Object.entries(counts))
        known.set(answer, (known.get(answer) ?? 0) + count)
    }
  }

  fault(fault: Fault): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1)
  }

  get calls(): number {
    return sum([...this.answers.values()].map((counts) => sum([...counts.values()])))
  }

  get faultCount(): number {
    return sum([...this.faults.values()])
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
