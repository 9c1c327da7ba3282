import { asAmount, asCount, asFields, asList, asTable, asText, fieldsOf, whole } from '../common/untrusted.js'
import { CARRIED } from '../engine/transfer-commands.js'
import type { Latency } from '../telemetry/call-counts.js'
import type { OpenNames, ProcessFigures, RoomInUse, SaleInUse } from './figures.js'

/**
 * What another process has told of itself. `undefined`: it is not in a form that this version
 * reads. A later version may add to the figures, and leaves none out.
 */
export function readFigures(text: string): ProcessFigures | undefined {
  const told = fieldsOf(text)
  if (!told) return undefined
  return whole<Required<ProcessFigures>>({
    host: asText(told.host),
    pid: asCount(told.pid),
    version: asText(told.version),
    layout: asCount(told.layout),
    node: asText(told.node),
    openForMs: asAmount(told.openForMs),
    rss: asCount(told.rss),
    openCalls: asCount(told.openCalls),
    calls:
      asFields(told.calls) && asTable(told.calls, (counts) => asFields(counts) && asTable(counts, asCount)),
    latency: asFields(told.latency) && asTable(told.latency, asLatency),
    sales: asOpenNames(told.sales),
    rooms: asOpenNames(told.rooms),
    // The first version that tells figures does not tell these.
    answers: asList(told.answers, asAnswers),
    inUse: asList(told.inUse, asSaleInUse),
    roomsInUse: asList(told.roomsInUse, asRoomInUse),
  })
}

function asLatency(value: unknown): Latency | undefined {
  const { calls, p50Ms, p99Ms } = asFields(value) ?? {}
  return whole<Latency>({ calls: asCount(calls), p50Ms: asAmount(p50Ms), p99Ms: asAmount(p99Ms) })
}

function asOpenNames(value: unknown): OpenNames | undefined {
  const { count, ids } = asFields(value) ?? {}
  return whole<OpenNames>({ count: asCount(count), ids: asList(ids, (id) => asText(id)) })
}

function asAnswers(value: unknown): readonly [sale: string, counts: Record<string, number>] | undefined {
  const [name, counts] = Array.isArray(value) ? value : []
  const sale = asText(name)
  return sale === undefined ? undefined : [sale, asTable(counts, asCount)]
}

function asRoomInUse(value: unknown): RoomInUse | undefined {
  const { id, incarnation } = asFields(value) ?? {}
  return whole<RoomInUse>({ id: asText(id), incarnation: asText(incarnation) })
}

function asSaleInUse(value: unknown): SaleInUse | undefined {
  const { id, incarnation, partitions } = asFields(value) ?? {}
  const told = { id: asText(id), incarnation: asText(incarnation), partitions: asCount(partitions) }
  const isPossible = told.partitions !== undefined && told.partitions >= 1 && told.partitions <= CARRIED
  return isPossible ? whole<SaleInUse>(told) : undefined
}
