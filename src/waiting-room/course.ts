import { asAmount, asCount, type Fields, whole } from '../common/untrusted.js'
import type { Engine } from '../engine/engine.js'
import type { CourseSource } from '../heartbeat/open-handle.js'
import { readCourse } from '../heartbeat/read-course.js'
import type { AdmissionMessage } from '../telemetry/messages.js'
import type { RoomClient } from './room-client.js'
import type { RoomPoller } from './room-poller.js'
import { admissionOf } from './room-stats.js'

/** Queue and admissions of a waiting room at a moment, as on `stockhold:admission`. */
export interface RoomCoursePoint extends Omit<AdmissionMessage, 'room' | 'sale' | 'serverTime'> {
  /** Epoch ms of the server. */
  readonly at: number
}

/** Tells the course of a handle's room. */
export function roomCourseSource(client: RoomClient, poller: RoomPoller): CourseSource {
  return {
    weight() {
      if (!client.known || client.closed || client.removal?.isRemoved) return undefined
      return (poller.state?.waiting ?? 0) + (poller.state?.admitted ?? 0)
    },
    async sample() {
      const state = await poller.refresh()
      const { room: _, sale: __, serverTime: ___, ...point } = admissionOf(state, client)
      // The commitment to the seed tells incarnations of a room apart.
      return { incarnation: client.known!.commitment, label: '', point: JSON.stringify(point) }
    },
  }
}

const STATES = ['not_open', 'open', 'paused', 'sold_out', 'ended'] as const

function readPoint(told: Fields): Omit<RoomCoursePoint, 'at'> | undefined {
  return whole<Omit<RoomCoursePoint, 'at'>>({
    state: STATES.find((state) => state === told.state),
    waiting: asCount(told.waiting),
    admitted: asCount(told.admitted),
    missedTurns: asCount(told.missedTurns),
    outstanding: asAmount(told.outstanding),
    capacity: told.capacity === null ? null : asAmount(told.capacity),
    ratePerSecond: asAmount(told.ratePerSecond),
    turnsPerSecond: asAmount(told.turnsPerSecond),
  })
}

/** The course of a waiting room, the earliest point first; see `saleCourse`. */
export async function roomCourse(engine: Engine, id: string): Promise<readonly RoomCoursePoint[]> {
  const { points } = await readCourse(engine, 'room', id, { label: () => undefined, point: readPoint })
  return points.map(({ at, point }) => ({ at, ...point }))
}
