import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StoredEvent } from '../../../../src/engine/engine.js'
import { EventLog, type LogEntry } from '../../../../src/memory-engine/sale/event-log.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

type Log = Pick<
  EventLog,
  'sequence' | 'batchId' | 'first' | 'append' | 'close' | 'holding' | 'after' | 'trim'
>

/** Every event with the batchId of its call, one after another. */
class Model implements Log {
  sequence = 0
  #closed: { readonly event: StoredEvent; readonly batchId: string; readonly call: number }[] = []
  #open: StoredEvent[] = []
  #calls = 0

  get batchId(): string {
    return this.#closed.at(-1)?.batchId ?? ''
  }

  get first(): number {
    return this.#closed[0]?.event.sequence ?? this.sequence + 1
  }

  append(event: object, at: number): void {
    this.#open.push({ sequence: ++this.sequence, at, ...event } as StoredEvent)
  }

  close(batchId: string): void {
    for (const event of this.#open) this.#closed.push({ event, batchId, call: this.#calls })
    this.#open = []
    this.#calls++
  }

  holding(sequence: number): LogEntry | undefined {
    const found = this.#closed.find(({ event }) => event.sequence === sequence)
    return found && this.#entryOf(found.call)
  }

  after(sequence: number, enough: number): StoredEvent[] {
    const later = this.#closed.filter(({ event }) => event.sequence > sequence)
    const lastCall = later[Math.min(enough, later.length) - 1]?.call ?? -1
    return later.filter(({ call }) => call <= lastCall).map(({ event }) => event)
  }

  trim(atMost: number, mayGo: (entry: LogEntry) => boolean): void {
    for (let gone = 0; gone < atMost; gone++) {
      const oldest = this.#closed[0]
      if (!oldest || oldest.call === this.#closed.at(-1)!.call || !mayGo(this.#entryOf(oldest.call)!)) return
      this.#closed = this.#closed.filter(({ call }) => call !== oldest.call)
    }
  }

  #entryOf(wanted: number): LogEntry {
    const events = this.#closed.filter(({ call }) => call === wanted)
    return {
      events: events.map(({ event }) => event),
      last: events.at(-1)!.event.sequence,
      batchId: events[0]!.batchId,
    }
  }
}

/** A place around one that exists: before the first event left, within the log, behind its end. */
const around = (log: Log, offset: number): number => Math.max(0, log.first - 2 + offset)

const offset = fc.nat(30)

test('a log of calls answers as a list of all events would', () => {
  sameAsModel<Log>(
    () => ({ real: new EventLog(), model: new Model() }),
    [
      fc.tuple(fc.nat(4), fc.nat(9)).map(([count, at]) =>
        operation(`write ${count} at ${at}`, (log) => {
          for (let i = 0; i < count; i++) log.append({ type: 'paused' }, at)
          log.close(`batchId ${at}`)
        }),
      ),
      offset.map((i) => operation(`holding first - 2 + ${i}`, (log) => log.holding(around(log, i)))),
      fc
        .tuple(offset, fc.nat(6))
        .map(([i, enough]) =>
          operation(`after first - 2 + ${i}, ${enough}`, (log) => log.after(around(log, i), enough)),
        ),
      fc.tuple(fc.nat(4), fc.nat(12)).map(([atMost, i]) =>
        operation(`trim ${atMost} below first + ${i}`, (log) => {
          const end = log.first + i
          log.trim(atMost, ({ last }) => last < end)
          return log.first
        }),
      ),
      fc.constant(
        operation('first, last and batchId', (log) => `${log.first} ${log.sequence} ${log.batchId}`),
      ),
    ],
  )
})

test('one call may have written any number of events', () => {
  const log = new EventLog()
  for (let i = 0; i < 150_000; i++) log.append({ type: 'paused' }, 1)
  log.close('a call')
  expect(log.after(0, 1)).toHaveLength(150_000)
})
