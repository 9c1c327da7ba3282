import type { BatchObservableResult } from '@opentelemetry/api'
import type { AdmissionMessage } from '../telemetry/messages.js'
import { ATTRIBUTES } from './attributes.js'
import { BoundedNames } from './bounded-names.js'
import type { Instruments } from './instruments.js'
import { Series } from './series.js'

const tuning = {
  /** A room that this process has not read for longer is not told. ms */
  freshMs: 60_000,
  /** The achieved rate is that of the latest time of this length, or a little more. ms */
  windowMs: 10_000,
}

interface Room {
  latest: AdmissionMessage
  heardAt: number
  /** Readings of the window, and the last one before it, the oldest first. */
  readings: { readonly at: number; readonly admitted: number }[]
}

/** The rooms that this process reads, as each told of itself last. */
export class RoomMetrics {
  readonly #instruments: Instruments
  readonly #names: BoundedNames
  readonly #rooms = new Map<string, Room>()
  readonly #series = new Series()

  constructor(instruments: Instruments, maxNames: number) {
    this.#instruments = instruments
    this.#names = new BoundedNames(maxNames)
  }

  admission(message: AdmissionMessage): void {
    const reading = { at: message.serverTime, admitted: message.admitted }
    const known = this.#rooms.get(message.room)
    const isSame = known !== undefined && known.latest.admitted <= message.admitted
    const readings = isSame ? known.readings : []
    if (reading.at > (readings.at(-1)?.at ?? 0)) readings.push(reading)
    while (readings.length > 2 && readings[1]!.at <= reading.at - tuning.windowMs) readings.shift()
    this.#rooms.set(message.room, { latest: message, heardAt: performance.now(), readings })
    // Once there are too many to be told, those that are read no more must not add up.
    if (!known && this.#rooms.size > 1_000) this.#forget()
  }

  observe(result: BatchObservableResult): void {
    this.#forget()
    const { waiting, outstanding, rateAsked, rateAchieved, missedTurns } = this.#instruments
    const series = this.#series
    series.clear()
    for (const name of this.#names.choose(this.#rooms.keys())) {
      const { latest, readings } = this.#rooms.get(name)!
      const of = { [ATTRIBUTES.room]: name }
      series.add(waiting, latest.waiting, of)
      series.add(outstanding, latest.outstanding, of)
      series.add(rateAsked, latest.ratePerSecond, of)
      const [first, last] = [readings[0]!, readings.at(-1)!]
      const seconds = (last.at - first.at) / 1_000
      series.add(rateAchieved, seconds > 0 ? (last.admitted - first.admitted) / seconds : 0, of)
      result.observe(missedTurns, latest.missedTurns, of)
    }
    series.observe(result)
  }

  #forget(): void {
    const now = performance.now()
    for (const [name, { heardAt }] of this.#rooms)
      if (now - heardAt > tuning.freshMs) this.#rooms.delete(name)
  }
}
