import { type BenchSale, CALLERS } from '../../scripts/lib/load/sale.js'
import type { CommandUse } from '../../scripts/lib/load/server-meter.js'
import type { Consumed } from './consume-worker.js'
import { type JointResult, reserveTogether } from './reserving.js'
import { between, sampleAt } from './samples.js'
import { readScripts, since } from './script-meter.js'
import type { TestBed } from './test-bed.js'

export interface ConsumingRound {
  /** Reservations a second while no process consumes. */
  readonly alone: number
  /** While one consumes. */
  readonly beside: number
  /** Events a second in the same time. */
  readonly consumed: number
  /** Events not handled when the reserving ends, and ms until they are handled. */
  readonly lag: number
  readonly lagMs: number
  /** CPU of the processes in the same time, µs: for each event, and for each reservation. */
  readonly eventCpu: number
  readonly reservationCpu: number
  /** Time of the server, µs: for each event read, and for each reservation. */
  readonly eventTime: number
  readonly reservationTime: number
  readonly perRead: number
  /** Events a second, and their price, while there is a backlog and no process reserves. */
  readonly backlog: { readonly perSecond: number; readonly cpu: number; readonly time: number }
  /** Over time, for the first round's chart: seconds, reservations, events. */
  readonly course: readonly (readonly [seconds: number, reserved: number, handled: number])[]
}

/** The first share of the time is not counted: batches and pages find their size. */
const WARM_UP = 0.25
/** Reservations of each process that are changed at the end, so that they have a second event. */
const CHANGED = 2_000
/** Points of the chart. */
const POINTS = 40

/**
 * Two processes reserve as fast as they can: first alone, then in another sale while a third
 * process consumes. In between, the third process consumes the first sale.
 */
export async function consumingRound(
  testBed: TestBed,
  seconds: number,
  audit: boolean,
): Promise<ConsumingRound> {
  const { consumer, invariants, reservers } = testBed
  const drive = { limit: { seconds }, load: { callers: CALLERS } }
  const first = await testBed.sale()
  const alone = await reserveTogether(reservers, first, drive, invariants)
  const before = await readScripts(testBed.meter.client)
  const { startedAt } = await consumer.run({ type: 'follow', sale: first.sale.id })
  const past = await consumer.run({ type: 'finish', events: alone.ids.length })
  const read = since(before.reading, (await readScripts(testBed.meter.client)).reading)
  check(testBed, first, alone.ids, past, [])
  await first.finish(invariants, { audit: false })
  await testBed.clear()

  const second = await testBed.sale()
  await consumer.run({ type: 'follow', sale: second.sale.id })
  const start = await readScripts(testBed.meter.client)
  const live = await reserveTogether(reservers, second, drive, invariants)
  const end = await readScripts(testBed.meter.client)
  const changed = await change(testBed, second)
  const events = live.ids.length + changed.length
  const followed = await consumer.run({ type: 'finish', events })
  check(testBed, second, live.ids, followed, changed)
  await second.finish(invariants, { audit })
  await testBed.clear()

  return {
    ...beside(live, followed),
    alone: alone.perSecond,
    ...server(live, followed, since(start.other, end.other), since(start.reading, end.reading)),
    backlog: backlogOf(past, startedAt, alone.ids.length, read),
  }
}

/** Confirms half of the latest reservations and extends the others; answers their ids. */
async function change({ reservers, invariants }: TestBed, sale: BenchSale): Promise<string[]> {
  const each = await Promise.all(
    reservers.map((reserver) => reserver.run({ type: 'change', count: CHANGED })),
  )
  for (const { ids, failed } of each) {
    invariants.check('every hold can be changed', failed === 0, `${failed} could not`)
    const confirmed = Math.ceil(ids.length / 2)
    sale.held -= confirmed
    sale.confirmed += confirmed
  }
  return each.flatMap(({ ids }) => [...ids])
}

function check(
  { invariants }: TestBed,
  { sale }: BenchSale,
  told: readonly string[],
  { reserved, changed, wrong, handled }: Consumed,
  toldChanged: readonly string[],
): void {
  invariants.check(
    'each event was handled once, those of a reservation in their order',
    wrong.length === 0 && handled === told.length + toldChanged.length,
    `${sale.id}: ${handled} handled of ${told.length + toldChanged.length}; ${wrong.join('; ')}`,
  )
  invariants.check(
    'the consumer got every reservation the callers were told of, and no other',
    areSame(reserved, told) && areSame(changed, toldChanged),
    `${sale.id}: ${reserved.length} of ${told.length} reservations, ${changed.length} of ${toldChanged.length} changed`,
  )
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  const known = new Set(a)
  return a.length === b.length && known.size === a.length && b.every((id) => known.has(id))
}

function beside(live: JointResult, { samples }: Consumed) {
  const { to, ids } = live
  const from = live.from + (to - live.from) * WARM_UP
  const reserved = between(live.samples, from, to)
  const handled = between([samples], from, to)
  const seconds = (to - from) / 1_000
  const reservedUntil = (at: number) => live.samples.reduce((sum, each) => sum + sampleAt(each, at).done, 0)
  const caughtUp = samples.find(({ done }) => done >= ids.length) ?? samples.at(-1)!
  return {
    beside: reserved.done / seconds,
    consumed: handled.done / seconds,
    lag: Math.max(0, reservedUntil(to) - sampleAt(samples, to).done),
    lagMs: Math.max(0, caughtUp.at - to),
    eventCpu: handled.cpu / handled.done,
    reservationCpu: reserved.cpu / reserved.done,
    course: Array.from({ length: POINTS + 1 }, (_, i) => {
      const at = live.from + ((to - live.from) * i) / POINTS
      return [(at - live.from) / 1_000, reservedUntil(at), sampleAt(samples, at).done] as const
    }),
  }
}

/** Server time while reservations were made, and the events read until then. */
function server({ ids, to }: JointResult, { samples }: Consumed, other: CommandUse, reading: CommandUse) {
  const read = sampleAt(samples, to).done
  return {
    reservationTime: other.time / ids.length,
    eventTime: reading.time / read,
    perRead: read / reading.calls,
  }
}

function backlogOf({ samples }: Consumed, startedAt: number, events: number, { time }: CommandUse) {
  const end = samples.find(({ done }) => done >= events) ?? samples.at(-1)!
  const { cpu } = between([samples], startedAt, end.at)
  return {
    perSecond: (events * 1_000) / (end.at - startedAt),
    cpu: cpu / events,
    time: time / events,
  }
}
