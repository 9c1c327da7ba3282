import { bar } from '../../../src/cli/terminal/charts.js'
import { count } from '../../../src/cli/terminal/format.js'
import type { Paint } from '../../../src/cli/terminal/style.js'
import type { RoomStats, WaitingRoom } from '../../../src/index.js'
import { sampler } from '../sampler.js'
import { type Achieved, achieved, type Reading } from './admission-rate.js'
import type { ExpectedAdmissions } from './expected-admissions.js'
import type { Samples } from './samples.js'

const NOW_MS = 1_000

/**
 * Shows the waiting room: its length and rate as the room counts them, the rest by the answers of
 * visitors.
 */
export class RoomView {
  readonly #room: WaitingRoom
  readonly #expected: ExpectedAdmissions
  readonly #samples: Samples
  readonly #buyers: number
  readonly #paint: Paint
  readonly #readings: Reading[] = []
  #stats: RoomStats | undefined
  /** Samples the room; the visitors notice a server that is away. */
  readonly sample = sampler(async () => this.#take(await this.#room.stats()))

  constructor(
    room: WaitingRoom,
    expected: ExpectedAdmissions,
    samples: Samples,
    buyers: number,
    paint: Paint,
  ) {
    this.#room = room
    this.#expected = expected
    this.#samples = samples
    this.#buyers = buyers
    this.#paint = paint
  }

  #take(stats: RoomStats): void {
    this.#stats = stats
    const { state, waiting, admitted, outstanding, capacity, burst } = stats
    // Fewer visitors than one burst may all be admitted at once.
    const isBusy = state === 'open' && waiting > burst && outstanding + burst < capacity!
    this.#readings.push({ at: performance.now(), admitted, isBusy })
  }

  get achieved(): Achieved | undefined {
    return achieved(this.#readings, this.#stats?.burst ?? 0)
  }

  /** Visitors who missed their turn, as the room counts them. */
  get missed(): number {
    return this.#stats?.missedTurns ?? 0
  }

  /** Passes given in the last second. */
  get now(): number {
    const last = this.#readings.at(-1)
    if (!last) return 0
    const first = this.#readings.findLast(({ at }) => at <= last.at - NOW_MS) ?? this.#readings[0]!
    return last === first ? 0 : ((last.admitted - first.admitted) * NOW_MS) / (last.at - first.at)
  }

  panel(width: number): string[] {
    const waiting = this.#stats?.waiting ?? 0
    const text = ` ${count(waiting)} waiting`
    return [
      this.#paint('yellow', bar(waiting / this.#buyers, width - text.length)) + this.#paint('bold', text),
      ...this.#samples.lines(),
    ]
  }

  cells(): [label: string, value: string][] {
    const { forged, left } = this.#expected
    return [
      ['admitted/s', count(this.now)],
      ['rate set', count(this.#stats?.ratePerSecond ?? 0)],
      ['passes given', count(this.#stats?.admitted ?? 0)],
      ['missed their turn', count(this.missed)],
      ['left the queue', count(left)],
      ['forged refused', count(forged.refused)],
    ]
  }

  /** The room's part of a plain line. */
  line(): string[] {
    return [`${count(this.#stats?.waiting ?? 0)} waiting`, `${count(this.now)} admitted/s`]
  }

  samples(): string[] {
    return this.#samples.lines()
  }
}
