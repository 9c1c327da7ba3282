import type { RoomStats, WaitingRoom } from '../../../src/index.js'
import { bar } from '../../lib/terminal/charts.js'
import { count } from '../../lib/terminal/format.js'
import type { Paint } from '../../lib/terminal/style.js'
import { type Achieved, achieved, type Reading } from './admission.js'
import type { DoorLedger } from './door-ledger.js'
import type { Samples } from './samples.js'

const NOW_MS = 1_000

/** What is to be seen of the waiting room: the crowd and the rate by the room's own figures, the rest by what visitors were told. */
export class DoorView {
  readonly #room: WaitingRoom
  readonly #ledger: DoorLedger
  readonly #samples: Samples
  readonly #buyers: number
  readonly #paint: Paint
  readonly #readings: Reading[] = []
  #stats: RoomStats | undefined
  #asking: Promise<void> | undefined

  constructor(room: WaitingRoom, ledger: DoorLedger, samples: Samples, buyers: number, paint: Paint) {
    this.#room = room
    this.#ledger = ledger
    this.#samples = samples
    this.#buyers = buyers
    this.#paint = paint
  }

  /** Reads the room's figures, unless that is still under way. */
  sample(): Promise<void> {
    this.#asking ??= this.#room
      .stats()
      .then(
        (stats) => this.#take(stats),
        // The panel shows what was last known; the visitors hear of a server that is away.
        () => {},
      )
      .finally(() => {
        this.#asking = undefined
      })
    return this.#asking
  }

  #take(stats: RoomStats): void {
    this.#stats = stats
    const { state, waiting, admitted, outstanding, capacity, burst } = stats
    // With fewer waiting than one burst they may all be on their way.
    const isBusy = state === 'open' && waiting > burst && outstanding + burst < capacity!
    this.#readings.push({ at: performance.now(), admitted, isBusy })
  }

  get achieved(): Achieved | undefined {
    return achieved(this.#readings, this.#stats?.burst ?? 0)
  }

  /** Visitors whose turn had been missed when they came back, as the room counts them. */
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
    const { forged, left } = this.#ledger
    return [
      ['admitted/s', count(this.now)],
      ['rate asked', count(this.#stats?.ratePerSecond ?? 0)],
      ['passes given', count(this.#stats?.admitted ?? 0)],
      ['came too late', count(this.missed)],
      ['left the line', count(left)],
      ['forged refused', count(forged.refused)],
    ]
  }

  /** What a plain line says of the door. */
  line(): string[] {
    return [`${count(this.#stats?.waiting ?? 0)} waiting`, `${count(this.now)} admitted/s`]
  }

  samples(): string[] {
    return this.#samples.lines()
  }
}
