import { type Fields, fieldsOf } from '../common/untrusted.js'
import { ask, inTime } from '../engine/ask.js'
import type { Engine } from '../engine/engine.js'
import { courseOf } from './course-writer.js'
import type { OpenHandle } from './open-handle.js'

/** A point as it was told. */
export interface ReadPoint<P> {
  /** Epoch ms of the server. */
  readonly at: number
  readonly point: P
}

/**
 * The course of a sale or room, the earliest point first; without the points that this version
 * cannot read. Empty if no process has told any.
 *
 * @throws {StockholdError} `UNAVAILABLE`: Redis does not answer.
 */
export async function readCourse<L, P>(
  { heartbeat, clock }: Engine,
  kind: OpenHandle['kind'],
  id: string,
  read: { label(told: Fields): L | undefined; point(told: Fields): P | undefined },
): Promise<{ readonly label: L | undefined; readonly points: readonly ReadPoint<P>[] }> {
  if (!heartbeat) return { label: undefined, points: [] }
  const subject = courseOf(kind, id)
  const asked = (signal: AbortSignal) => ask(heartbeat, 'course', { subject }, signal)
  const { answer } = await inTime('The course was', heartbeat, asked, clock)
  const points = answer.points.flatMap(({ at, point }) => {
    const told = fieldsOf(point)
    const known = told && read.point(told)
    return known ? [{ at, point: known }] : []
  })
  const label = fieldsOf(answer.label)
  return { label: label && read.label(label), points }
}
