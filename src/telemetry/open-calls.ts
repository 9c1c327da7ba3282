import { AsyncLocalStorage } from 'node:async_hooks'
import { batchChannel, callChannel } from './channels.js'
import type { CallMessage } from './messages.js'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** A call that has begun, and may be over. */
export interface OpenCall {
  readonly message: Writable<CallMessage>
  /** The engine was asked for it. */
  asked: boolean
  isOver: boolean
}

/** The calls for which the engine is asked, and since when they wait. */
export interface Carried {
  readonly calls: readonly OpenCall[]
  readonly since: number
}

/**
 * The calls for which the present work is done. Work that a call has started goes on after its end,
 * such as timers: it is done for none.
 */
const present = new AsyncLocalStorage<{
  readonly calls: readonly OpenCall[]
  readonly since: number | undefined
}>()
const NONE = { calls: [], since: undefined }
const OWN = { ...NONE }
let isTracking = false
/** How many calls of {@link runOwn} have begun and not returned. */
let own = 0

/** Whether calls must be followed: they are told, or named by the batches that carry them. */
export function isObserved(): boolean {
  const observed = callChannel.hasSubscribers || batchChannel.hasSubscribers
  // Following calls costs even where there are none: it ends with the last subscriber.
  if (isTracking && !observed) present.disable()
  isTracking = observed
  return observed
}

/** Runs the work of these calls. */
export function runFor<T>(calls: readonly OpenCall[], work: () => T, since?: number): T {
  return present.run({ calls, since }, work)
}

/** Runs work that was asked for by all of these. */
export function runForAll<T>(carried: readonly (Carried | undefined)[], work: () => T): T {
  const calls = new Set(carried.flatMap((item) => item?.calls ?? []))
  const since = carried.reduce(
    (least, item) => Math.min(least, item?.since ?? Number.POSITIVE_INFINITY),
    Number.POSITIVE_INFINITY,
  )
  return runFor([...calls], work, Number.isFinite(since) ? since : undefined)
}

/** Runs work of the library itself: the methods of handles that it calls are not told. */
export function runOwn<T>(work: () => T): T {
  own++
  try {
    return isObserved() ? present.run(OWN, work) : work()
  } finally {
    own--
  }
}

/** Whether the call that begins now is one of the library itself, which begins with its work. */
export function isOwn(): boolean {
  return own > 0
}

/** Whether the present call is to be told. */
export function isTold(): boolean {
  return isObserved() && present.getStore() !== OWN
}

/**
 * Notes that the engine is asked for the present calls. Call it if {@link isObserved}.
 *
 * @param now By the clock by which the batch is timed.
 */
export function noteAsked(now: number): Carried {
  const { calls, since } = present.getStore() ?? NONE
  const open = calls.filter(({ isOver }) => !isOver)
  for (const call of open) call.asked = true
  return { calls: open, since: since ?? now }
}
