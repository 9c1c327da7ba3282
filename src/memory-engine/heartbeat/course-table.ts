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
import { retry, type Step } from '../answering.js'

type Op<C extends keyof CourseCommands> = CourseCommands[C]['op']
type Answer<C extends keyof CourseCommands> = CourseCommands[C]['answer']

interface Course {
  weight: number
  /** The step of the latest point. */
  step: number
  claim: { readonly step: number; readonly process: string }
  incarnation: string
  label: string
  /** Of each level, by place in its ring. */
  rings: Map<number, CoursePoint>[]
}

/** The course of the evening. */
export class CourseTable {
  readonly #courses = new Map<string, Course>()

  offer({ process, subject, weight }: Op<'offer'>, { now, overdue }: Step): Answer<'offer'> {
    const step = Math.floor(now / STEP_MS)
    const known = this.#courses.get(subject)
    if (known && (known.step >= step || known.claim.step >= step)) {
      const isMine = known.claim.step === step && known.claim.process === process
      return { status: isMine && known.step < step ? 'due' : 'idle' }
    }
    if (overdue) return retry
    const claim = { step, process }
    if (known) Object.assign(known, { weight, claim })
    else {
      if (!this.#makeRoom(step, weight)) return { status: 'full' }
      this.#courses.set(subject, { weight, claim, step: 0, incarnation: '', label: '', rings: newRings() })
    }
    return { status: 'due' }
  }

  append(op: Op<'append'>, { now, overdue }: Step): Answer<'append'> {
    const { process, subject, incarnation, label, point } = op
    if (Buffer.byteLength(point) > MAX_POINT || Buffer.byteLength(label) > MAX_LABEL)
      return { status: 'too_large' }
    const step = Math.floor(now / STEP_MS)
    const known = this.#courses.get(subject)
    if (!known) return { status: 'unknown' }
    const isTaken = known.claim.step >= step && known.claim.process !== process
    if (known.step >= step || isTaken) return { status: 'known' }
    if (overdue) return retry
    if (known.incarnation !== incarnation) Object.assign(known, { step: 0, rings: newRings() })
    for (const [i, { steps, count }] of LEVELS.entries()) {
      const place = Math.floor(step / steps)
      if (place > Math.floor(known.step / steps)) known.rings[i]!.set(place % count, { at: now, point })
    }
    Object.assign(known, { step, incarnation, label })
    return { status: 'appended' }
  }

  course({ subject }: Op<'course'>): Answer<'course'> {
    const known = this.#courses.get(subject)
    const all = known?.rings.flatMap((ring) => [...ring.values()]) ?? []
    const byTime = new Map(all.map((one) => [one.at, one]))
    const points = [...byTime.values()].sort((a, b) => a.at - b.at)
    return { status: 'course', label: known?.label ?? '', points }
  }

  #makeRoom(step: number, weight: number): boolean {
    if (this.#courses.size < MAX_SUBJECTS) return true
    const weightOf = (one: Course) =>
      Math.max(one.step, one.claim.step) < step - STALE_STEPS ? -1 : one.weight
    const [[subject, least]] = [...this.#courses].sort(
      ([a, one], [b, other]) => weightOf(one) - weightOf(other) || (a < b ? -1 : 1),
    ) as [[string, Course]]
    if (weightOf(least) * 2 >= weight) return false
    this.#courses.delete(subject)
    return true
  }
}

function newRings(): Course['rings'] {
  return LEVELS.map(() => new Map())
}
