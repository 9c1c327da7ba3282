import { type BenchSale, CALLERS } from '../../scripts/lib/load/sale.js'
import type { Consumed } from './consume-worker.js'
import { reserveTogether, type Together } from './reserving.js'
import { between, sampleAt } from './samples.js'
import { readScripts, type Scripts, since } from './script-meter.js'
import type { Site } from './site.js'

export interface ConsumingRound {
  /** Reservations a second while nobody consumes. */
  readonly alone: number
  /** While one does. */
  readonly beside: number
  /** Events a second in the same time. */
  readonly consumed: number
  /** Events behind when reserving ends, and ms until they are handled. */
  readonly lag: number
  readonly lagMs: number
  /** CPU of the processes in the same time, µs: for each event, and for each reservation. */
  readonly eventCpu: number
  readonly reservationCpu: number
  /** Time of the server, µs: for each event read, and for each reservation. */
  readonly eventTime: number
  readonly reservationTime: number
  readonly perRead: number
  /** Events a second, and their price, where there is a backlog and nobody reserves. */
  readonly backlog: { readonly perSecond: number; readonly cpu: number; readonly time: number }
  /** Over time, for the first round's chart: seconds, reservations, events. */
  readonly course: readonly (readonly [seconds: number, reserved: number, handled: number])[]
}

/** Of the time both run, at its beginning, not counted: batches and pages find their size. */
const WARM_UP = 0.25
/** Of each process, settled after the rest: their events must come after the first. */
const SETTLED = 2_000
/** Points of the chart. */
const POINTS = 40

/**
 * Two processes reserve as fast as they can: alone, and then, in another sale, while a third one consumes. Between the two that
 * one consumes the sale that was made alone.
 */
export async function consumingRound(site: Site, seconds: number, audit: boolean): Promise<ConsumingRound> {
  const { consumer, invariants, reservers } = site
  const drive = { limit: { seconds }, load: { callers: CALLERS } }
  const first = await site.sale()
  const alone = await reserveTogether(reservers, first, drive, invariants)
  const before = await readScripts(site.meter.client)
  const { startedAt } = await consumer.do({ do: 'follow', sale: first.sale.id })
  const past = await consumer.do({ do: 'finish', events: alone.ids.length })
  const read = since(before.reading, (await readScripts(site.meter.client)).reading)
  check(site, first, alone.ids, past, [])
  await first.finish(invariants, { audit: false })
  await site.clear()

  const second = await site.sale()
  await consumer.do({ do: 'follow', sale: second.sale.id })
  const start = await readScripts(site.meter.client)
  const live = await reserveTogether(reservers, second, drive, invariants)
  const end = await readScripts(site.meter.client)
  const settled = await settle(site, second)
  const events = live.ids.length + settled.length
  const followed = await consumer.do({ do: 'finish', events })
  check(site, second, live.ids, followed, settled)
  await second.finish(invariants, { audit })
  await site.clear()

  return {
    ...beside(live, followed),
    alone: alone.perSecond,
    ...server(live, followed, since(start.other, end.other), since(start.reading, end.reading)),
    backlog: backlogOf(past, startedAt, alone.ids.length, read),
  }
}

/** Half are confirmed, half extended; answers which. */
async function settle({ reservers, invariants }: Site, sale: BenchSale): Promise<string[]> {
  const each = await Promise.all(reservers.map((hand) => hand.do({ do: 'settle', count: SETTLED })))
  for (const { ids, failed } of each) {
    invariants.check('every hold can be settled', failed === 0, `${failed} could not`)
    const confirmed = Math.ceil(ids.length / 2)
    sale.held -= confirmed
    sale.confirmed += confirmed
  }
  return each.flatMap(({ ids }) => [...ids])
}

function check(
  { invariants }: Site,
  { sale }: BenchSale,
  told: readonly string[],
  { reserved, settled, wrong, handled }: Consumed,
  toldSettled: readonly string[],
): void {
  invariants.check(
    'each event was handled once, those of a reservation in their order',
    wrong.length === 0 && handled === told.length + toldSettled.length,
    `${sale.id}: ${handled} handled of ${told.length + toldSettled.length}; ${wrong.join('; ')}`,
  )
  invariants.check(
    'the consumer heard of every reservation the callers were told of, and of no other',
    areSame(reserved, told) && areSame(settled, toldSettled),
    `${sale.id}: ${reserved.length} of ${told.length} reservations, ${settled.length} of ${toldSettled.length} settled`,
  )
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  const known = new Set(a)
  return a.length === b.length && known.size === a.length && b.every((id) => known.has(id))
}

function beside(live: Together, { samples }: Consumed) {
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

/** The scripts of the time in which reservations were made; what was read until then. */
function server({ ids, to }: Together, { samples }: Consumed, other: Scripts, reading: Scripts) {
  const read = sampleAt(samples, to).done
  return {
    reservationTime: other.time / ids.length,
    eventTime: reading.time / read,
    perRead: read / reading.calls,
  }
}

function backlogOf({ samples }: Consumed, startedAt: number, events: number, { time }: Scripts) {
  const end = samples.find(({ done }) => done >= events) ?? samples.at(-1)!
  const { cpu } = between([samples], startedAt, end.at)
  return {
    perSecond: (events * 1_000) / (end.at - startedAt),
    cpu: cpu / events,
    time: time / events,
  }
}
