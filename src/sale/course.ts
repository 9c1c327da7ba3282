import { asList, asText, type Fields } from '../common/untrusted.js'
import { MAX_LABEL, MAX_POINT } from '../engine/course.js'
import type { Engine } from '../engine/engine.js'
import { isLost } from '../errors.js'
import type { CourseSource, Sample } from '../heartbeat/open-handle.js'
import { readCourse } from '../heartbeat/read-course.js'
import type { SaleState, SkuCounts } from './results.js'
import type { SaleClient } from './sale-client.js'
import { readTotals, sumCounts, type Totals } from './totals.js'

const STATES = ['open', 'not_started', 'paused', 'ended', 'frozen'] as const
const tuning = {
  /** The SKUs whose units are told one by one; the others are told together. */
  skus: 20,
}

/** The units of a sale over time: the result of {@link saleCourse}. */
export interface SaleCourse {
  /** The SKUs that are told one by one: the first ones of the sale. */
  readonly skus: readonly string[]
  readonly points: readonly SaleCoursePoint[]
}

interface SaleCoursePoint {
  /** Epoch ms of the server. */
  readonly at: number
  /** `frozen`: the sale was to be recovered; there are no counts then. */
  readonly state: SaleState | 'frozen'
  /** By SKU. */
  readonly skus: Readonly<Record<string, SkuCounts>>
  /** The sums over all other SKUs; `undefined`: there were none. */
  readonly others: SkuCounts | undefined
}

/** available, held, confirmed, in transit, total, and what is owed. */
type Packed = readonly [number, number, number, number, number, number?]

interface Label {
  readonly skus: readonly string[]
}

interface Point {
  readonly state: SaleCoursePoint['state']
  readonly units: readonly Packed[]
  readonly others?: Packed | undefined
}

/** Tells the course of a handle's sale. */
export function saleCourseSource(client: SaleClient): CourseSource {
  return {
    weight() {
      const { partitions, known, removal } = client
      return !known || client.closed || removal?.isRemoved ? undefined : partitions.events
    },
    sample: () => sampleOf(client),
  }
}

async function sampleOf(client: SaleClient): Promise<Sample> {
  const call = client.call()
  // The replies of the sample before have told of other rules: to learn them completes an update
  // that was interrupted. A frozen sale may not tell them.
  const { rules } = client.current ?? (await Promise.resolve(client.learn(call)).catch(() => client.known!))
  const label = labelOf(rules.skus.map(({ sku }) => sku))
  const point = await client
    .fanOut((parts) => readTotals(parts, call))
    .then(
      (totals) => pointOf(totals, label.skus.length),
      (error: unknown) => {
        if (!isLost(error)) throw error
        return JSON.stringify({ state: 'frozen', units: [] } satisfies Point)
      },
    )
  return { incarnation: client.partitions.incarnation!, label: JSON.stringify(label), point }
}

/** As many names as there is room for. */
function labelOf(names: readonly string[]): Label {
  for (let most = tuning.skus; ; most--) {
    const label = { skus: names.slice(0, most) }
    if (Buffer.byteLength(JSON.stringify(label)) <= MAX_LABEL) return label
  }
}

function pointOf({ state, skus }: Totals, most: number): string {
  const others = skus.slice(most)
  const point: Point = {
    state,
    units: skus.slice(0, most).map(packed),
    // In one list of one SKU each, so that they are summed.
    ...(others.length > 0 && { others: packed(sumCounts(others.map((counts) => [counts]))[0]!) }),
  }
  const text = JSON.stringify(point)
  return Buffer.byteLength(text) <= MAX_POINT ? text : pointOf({ state, skus }, Math.floor(most / 2))
}

function packed({ available, held, confirmed, inTransit, total, owed }: SkuCounts): Packed {
  const counts = [available, held, confirmed, inTransit, total] as const
  return owed === undefined ? counts : [...counts, owed]
}

function unpacked([available, held, confirmed, inTransit, total, owed]: Packed): SkuCounts {
  return { total, available, held, confirmed, inTransit, ...(owed !== undefined && { owed }) }
}

function readLabel({ skus }: Fields): Label {
  return { skus: asList(skus, (sku) => asText(sku)) }
}

function readPoint({ state, units, others }: Fields): Point | undefined {
  const known = STATES.find((one) => one === state)
  if (!known || !Array.isArray(units) || !units.every(isPacked)) return undefined
  return { state: known, units, ...(isPacked(others) && { others }) }
}

function isPacked(value: unknown): value is Packed {
  return (
    Array.isArray(value) && (value.length === 5 || value.length === 6) && value.every(Number.isSafeInteger)
  )
}

/**
 * The course of a sale: one point in ten seconds for an hour, one a minute for five hours, and one
 * in ten minutes for a day. Any process reads all of it, whichever processes have told it.
 */
export async function saleCourse(engine: Engine, id: string): Promise<SaleCourse> {
  const { label, points } = await readCourse(engine, 'sale', id, { label: readLabel, point: readPoint })
  const skus = label?.skus ?? []
  return {
    skus,
    points: points.map(({ at, point: { state, units, others } }) => ({
      ...{ at, state },
      skus: Object.fromEntries(units.slice(0, skus.length).map((one, i) => [skus[i]!, unpacked(one)])),
      others: others && unpacked(others),
    })),
  }
}
