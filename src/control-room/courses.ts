import { processClock } from '../engine/clock.js'
import { LEVELS, STEP_MS } from '../engine/course.js'
import type { Engine } from '../engine/engine.js'
import { invalid, isAway, type StockholdError } from '../errors.js'
import { SharedReading } from '../http/shared-reading.js'
import { saleCourse } from '../sale/course.js'
import { checkId } from '../validation.js'
import { roomCourse } from '../waiting-room/course.js'
import type { CourseTold, CourseView } from './view.js'

const tuning = {
  /** The readings that are kept, for all sales and rooms that a page shows whole. */
  kept: 64,
  /** Points may be missing for this many steps before a line is interrupted. */
  missing: 3,
}

interface Subject {
  readonly kind: 'sale' | 'room'
  readonly id: string
}

interface Point {
  readonly at: number
  readonly values: Readonly<Record<string, number | null>>
}

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function subjectOf(query: URLSearchParams): Subject {
  const [[kind, id] = [], ...others] = query
  if ((kind !== 'sale' && kind !== 'room') || others.length > 0)
    throw invalid('query', 'must be sale=ID or room=ID')
  return { kind, id: checkId(id, kind) }
}

/** The courses that viewers look at: each is read once in ten seconds for all of them. */
export class Courses {
  readonly #engine: Engine
  /** The one that was asked for last stands last. */
  readonly #readings = new Map<string, SharedReading<string>>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** The course as JSON, see `CourseTold`. Without points if no process has told any. */
  async current(subject: Subject): Promise<string> {
    const name = `${subject.kind}:${subject.id}`
    const reading = this.#readings.get(name) ?? this.#readingOf(subject)
    this.#readings.delete(name)
    this.#readings.set(name, reading)
    if (this.#readings.size > tuning.kept) this.#readings.delete(this.#readings.keys().next().value!)
    return reading.get()
  }

  #readingOf({ kind, id }: Subject): SharedReading<string> {
    const clock = this.#engine.clock ?? processClock
    let latest: CourseView | null = null
    const read = async () => {
      let problem: CourseTold['problem'] = null
      try {
        latest = await (kind === 'sale' ? saleView(this.#engine, id) : roomView(this.#engine, id))
      } catch (error) {
        if (!isAway(error)) throw error
        problem = { code: (error as StockholdError).code }
      }
      return JSON.stringify({ problem, course: latest } satisfies CourseTold)
    }
    return new SharedReading(STEP_MS, read, () => clock.now())
  }
}

async function saleView(engine: Engine, id: string): Promise<CourseView> {
  const { points } = await saleCourse(engine, id)
  return inColumns(
    ['available', 'held', 'confirmed'],
    points.map(({ at, state, skus, others }) => {
      const counts = [...Object.values(skus), ...(others ? [others] : [])]
      const sum = (name: 'available' | 'held' | 'confirmed') =>
        state === 'frozen' ? null : counts.reduce((units, one) => units + one[name], 0)
      return { at, values: { available: sum('available'), held: sum('held'), confirmed: sum('confirmed') } }
    }),
  )
}

async function roomView(engine: Engine, id: string): Promise<CourseView> {
  const points = await roomCourse(engine, id)
  return inColumns(
    ['waiting', 'admittedPerSecond', 'ratePerSecond'],
    points.map(({ at, waiting, admitted, ratePerSecond }, index) => {
      const before = points[index - 1]
      const admittedPerSecond = before ? ((admitted - before.admitted) * 1_000) / (at - before.at) : null
      return { at, values: { waiting, admittedPerSecond, ratePerSecond } }
    }),
  )
}

/** Where points are missing, an entry without values interrupts the lines. */
function inColumns(names: readonly string[], points: readonly Point[]): CourseView {
  const newest = points.at(-1)?.at ?? 0
  const entries = points.flatMap((point, index) => {
    const before = points[index - 1]?.at
    const isAfterGap = before !== undefined && point.at - before > tuning.missing * stepAt(newest - before)
    return isAfterGap ? [{ at: (before + point.at) / 2, values: {} }, point] : [point]
  })
  const column = (name: string) => entries.map(({ values }: Point) => values[name] ?? null)
  return {
    at: entries.map(({ at }) => at),
    lines: Object.fromEntries(names.map((name) => [name, column(name)])),
  }
}

/** How far points of this age are apart. ms */
function stepAt(ageMs: number): number {
  const level = LEVELS.find(({ steps, count }) => ageMs <= steps * count * STEP_MS) ?? LEVELS.at(-1)!
  return level.steps * STEP_MS
}
