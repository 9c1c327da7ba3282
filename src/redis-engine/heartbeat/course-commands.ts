import {
  type CourseCommands,
  type CoursePoint,
  LEVELS,
  MAX_LABEL,
  MAX_POINT,
  MAX_SUBJECTS,
  STALE_STEPS,
  STEP_MS,
} from '../../engine/course.js'
import { byLetter, type Definitions, type Head } from '../define-port.js'
import type { Writer } from '../msgpack.js'
import append from './scripts/append.lua'
import course from './scripts/course_of.lua'
import offer from './scripts/offer.lua'

function writeLevels(to: Writer): void {
  to.array(LEVELS.length)
  for (const { steps, count } of LEVELS) {
    to.array(2)
    to.integer(steps)
    to.integer(count)
  }
}

/** The rings of several levels have some points in common. */
function readPoints(parts: readonly unknown[]): CoursePoint[] {
  const points = new Map<number, CoursePoint>()
  for (let i = 0; i < parts.length; i += 2) {
    const at = Number(parts[i])
    points.set(at, { at, point: String(parts[i + 1]) })
  }
  return [...points.values()].sort((a, b) => a.at - b.at)
}

/** The commands of the course of the evening. */
export const courseCommands: Definitions<CourseCommands, Head> = {
  offer: {
    script: offer,
    opens: true,
    encode(ops, to) {
      to.array(ops.length)
      for (const { process, subject, weight } of ops) {
        to.array(7)
        to.text(process)
        to.text(subject)
        to.integer(weight)
        to.integer(STEP_MS)
        to.integer(MAX_SUBJECTS)
        to.integer(STALE_STEPS)
        writeLevels(to)
      }
    },
    decode: (ops, from) =>
      byLetter('offer', ops, String(from.next()), {
        D: () => ({ status: 'due' }),
        I: () => ({ status: 'idle' }),
        F: () => ({ status: 'full' }),
      }),
  },
  append: {
    script: append,
    opens: true,
    encode(ops, to) {
      to.array(ops.length)
      for (const { process, subject, incarnation, label, point } of ops) {
        to.array(9)
        for (const text of [process, subject, incarnation, label, point]) to.text(text)
        to.integer(STEP_MS)
        to.integer(MAX_POINT)
        to.integer(MAX_LABEL)
        writeLevels(to)
      }
    },
    decode: (ops, from) =>
      byLetter('append', ops, String(from.next()), {
        A: () => ({ status: 'appended' }),
        K: () => ({ status: 'known' }),
        U: () => ({ status: 'unknown' }),
        L: () => ({ status: 'too_large' }),
      }),
  },
  course: {
    script: course,
    opens: true,
    encode(ops, to) {
      to.array(ops.length)
      for (const { subject } of ops) {
        to.array(2)
        to.text(subject)
        writeLevels(to)
      }
    },
    decode: (ops, from) =>
      ops.map(() => {
        const label = String(from.next())
        return { status: 'course', label, points: readPoints(from.next() as unknown[]) }
      }),
  },
}
