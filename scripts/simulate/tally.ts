import { bar } from '../../src/cli/terminal/charts.js'
import { count, seconds } from '../../src/cli/terminal/format.js'
import type { Paint } from '../../src/cli/terminal/style.js'
import { type Fault, messageFaults, worldFaults } from '../../test/simulation/simulator/faults.js'
import type { Simulated } from '../../test/simulation/simulator/simulate.js'
import type { View } from '../lib/terminal/live-panel.js'
import { grid, sectionTable } from '../lib/terminal/sections.js'

/** Counts what has been simulated so far. */
export class Tally implements View {
  readonly #runs: number
  readonly #paint: Paint
  readonly #startedAt = performance.now()
  readonly #injected = new Map<Fault, number>()
  /** Seeds. */
  #done = 0
  readonly #of = { sales: 0, rooms: 0 }
  #simulatedMs = 0
  readonly #operations = { ok: 0, fail: 0, unknown: 0 }
  #undecided = 0
  violations = 0

  constructor(runs: number, paint: Paint) {
    this.#runs = runs
    this.#paint = paint
  }

  add({ injected, operations, simulatedMs, undecided, violation }: Simulated, what: 'sales' | 'rooms'): void {
    this.#of[what]++
    this.#simulatedMs += simulatedMs
    for (const outcome of ['ok', 'fail', 'unknown'] as const) this.#operations[outcome] += operations[outcome]
    for (const [fault, times] of injected) this.#injected.set(fault, this.#times(fault) + times)
    if (undecided) this.#undecided++
    if (violation) this.violations++
  }

  seedDone(): void {
    this.#done++
  }

  panel(width: number): string[] {
    const left = ` ${count(this.#done)} of ${count(this.#runs)} runs`
    return [
      this.#paint(this.violations > 0 ? 'red' : 'green', bar(this.#done / this.#runs, width - left.length)) +
        this.#paint('bold', left),
      '',
      ...grid(this.#cells(), this.#paint, width),
      '',
      ...grid(
        [...messageFaults, ...worldFaults].map((fault) => [fault, count(this.#times(fault))] as const),
        this.#paint,
        width,
      ),
    ]
  }

  line(): string {
    const faults = [...this.#injected.values()].reduce((sum, times) => sum + times, 0)
    return [
      `${count(this.#done)} of ${count(this.#runs)} runs`,
      `${count(this.#perSecond())} runs/s`,
      `${count(this.#allOperations())} operations`,
      `${count(faults)} faults`,
      `${count(this.violations)} violations`,
    ].join(', ')
  }

  summary(width: number): string[] {
    const rows = (faults: readonly Fault[]) =>
      faults.map((fault) => [fault, count(this.#times(fault))] as const)
    const cells = this.#cells().map(([label, value]) => [label, value] as const)
    return sectionTable(
      [
        { title: 'simulated', rows: cells },
        { title: 'faults: messages', rows: rows(messageFaults) },
        { title: 'faults: processes, clocks, server', rows: rows(worldFaults) },
      ],
      this.#paint,
      width,
    )
  }

  #cells(): (readonly [string, string])[] {
    return [
      ['runs', count(this.#done)],
      ['sales', count(this.#of.sales)],
      ['rooms', count(this.#of.rooms)],
      ['runs/s', count(this.#perSecond())],
      ['time', seconds(performance.now() - this.#startedAt)],
      ['simulated hours', count(this.#simulatedMs / 3_600_000)],
      ['operations', count(this.#allOperations())],
      ['answered', count(this.#operations.ok)],
      ['nothing done', count(this.#operations.fail)],
      ['unknown outcome', count(this.#operations.unknown)],
      ['undecided', count(this.#undecided)],
      ['violations', count(this.violations)],
    ]
  }

  #times(fault: Fault): number {
    return this.#injected.get(fault) ?? 0
  }

  #allOperations(): number {
    return this.#operations.ok + this.#operations.fail + this.#operations.unknown
  }

  #perSecond(): number {
    return this.#done / Math.max(0.001, (performance.now() - this.#startedAt) / 1_000)
  }
}
