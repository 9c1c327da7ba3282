import type { Retry } from './port.js'

/**
 * The course of the evening: points of sales and waiting rooms over time, one in each step of
 * {@link STEP_MS} by the server's clock, written by one process however many there are. Of each
 * subject {@link LEVELS} are kept: older points are fewer, and their number is bounded.
 */
export interface CourseCommands {
  /**
   * A process offers a point of a subject in the present step. `due`: this process is to tell it;
   * the same offer again is `due` again until the point is there. `idle`: another process tells it,
   * or the point is there.
   *
   * `full`: there are {@link MAX_SUBJECTS} others. A subject without a point in the last
   * {@link STALE_STEPS} steps makes room; otherwise the one with the least `weight` does, if that
   * is less than half of this one's. Of equals it is the first by name. Its points are forgotten.
   */
  offer: {
    op: { readonly process: string; readonly subject: string; readonly weight: number }
    answer: { readonly status: 'due' | 'idle' | 'full' } | Retry
  }

  /**
   * Tells the point of the present step. The first one of a subject with this `incarnation` is the
   * first of its course. `known`: the step has its point, or another process is to tell it.
   * `unknown`: the subject was not offered, or has made room. `too_large`: more than
   * {@link MAX_POINT} bytes, or {@link MAX_LABEL} of the label.
   */
  append: {
    op: {
      readonly process: string
      readonly subject: string
      readonly incarnation: string
      /** What the points have in common: the latest one is kept. */
      readonly label: string
      readonly point: string
    }
    answer: { readonly status: 'appended' | 'known' | 'unknown' | 'too_large' } | Retry
  }

  /** The points of a subject, the earliest first. Writes nothing. */
  course: {
    op: { readonly subject: string }
    answer: {
      readonly status: 'course'
      /** Empty if there is none. */
      readonly label: string
      readonly points: readonly CoursePoint[]
    }
  }
}

export interface CoursePoint {
  /** When it was told, server time. */
  readonly at: number
  readonly point: string
}

export const STEP_MS = 10_000
/**
 * A level keeps the first point of each `steps` steps, the latest `count` of them: one in ten
 * seconds for an hour, one a minute for five, and one in ten minutes for a day.
 */
export const LEVELS: readonly { readonly steps: number; readonly count: number }[] = [
  { steps: 1, count: 360 },
  { steps: 6, count: 300 },
  { steps: 60, count: 144 },
]
/** The most sales and rooms whose course is kept. */
export const MAX_SUBJECTS = 32
/** Points older than this many steps do not keep a subject. */
export const STALE_STEPS = 60
/** The most bytes of a point and of a label. */
export const MAX_POINT = 1_024
export const MAX_LABEL = 4_096
