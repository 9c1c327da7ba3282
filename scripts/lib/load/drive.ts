import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../random.js'
import type { Outcome, Recorder } from './recorder.js'

/** One request, the `n`th from 0. Answers its outcome; a rejection is a failure. */
export type Work = (n: number) => Promise<Exclude<Outcome, 'failed'>>

/** The outcomes of all requests of one drive. */
export interface Tally {
  accepted: number
  refused: number
  failed: number
  /** From the first request to the last answer. */
  seconds: number
  /** Of the first failure. */
  error?: unknown
}

export type Limit = { readonly count: number } | { readonly seconds: number }

export interface ClosedLoop {
  readonly callers: number
  /** How many requests, or for how long new requests begin. */
  readonly limit: Limit
  /** The number of the first request. */
  readonly first?: number
  readonly work: Work
  readonly recorder?: Recorder
}

/**
 * Callers that each wait for their answer before the next request: the most that the system can do.
 * Its latencies flatter, since no caller begins a request while all of them wait; see {@link
 * openArrivals} for latencies.
 */
export async function closedLoop({ callers, limit, first = 0, work, recorder }: ClosedLoop): Promise<Tally> {
  const start = performance.now()
  const end = 'count' in limit ? first + limit.count : Number.POSITIVE_INFINITY
  const stopAt = 'seconds' in limit ? start + limit.seconds * 1_000 : Number.POSITIVE_INFINITY
  const tally: Tally = { accepted: 0, refused: 0, failed: 0, seconds: 0 }
  let next = first
  const caller = async () => {
    let now = performance.now()
    while (next < end && now < stopAt) {
      const startedAt = now
      let outcome: Outcome
      try {
        outcome = await work(next++)
      } catch (error) {
        outcome = 'failed'
        tally.error ??= error
      }
      tally[outcome]++
      now = performance.now()
      recorder?.add(outcome, startedAt, now)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  tally.seconds = (performance.now() - start) / 1_000
  return tally
}

/** Answers the time to the next arrival, in ms. */
export type Gap = () => number

export function evenly(perSecond: number): Gap {
  return () => 1_000 / perSecond
}

/**
 * Arrivals that do not depend on each other, as those of people: often two at once, sometimes none
 * for a while.
 */
export function poisson(perSecond: number, random: Random): Gap {
  return () => (-Math.log(1 - random()) * 1_000) / perSecond
}

export interface OpenArrivals {
  readonly gap: Gap
  /** How many requests, or for how long they arrive. */
  readonly limit: Limit
  /** The number of the first request. */
  readonly first?: number
  readonly work: Work
  readonly recorder?: Recorder
  /** After it aborts, no request begins. */
  readonly signal?: AbortSignal
}

/** How late the generator was, on average and at most, in ms; every latency includes it. */
export interface OpenTally extends Tally {
  readonly lateness: { readonly mean: number; readonly max: number }
}

/**
 * Arrivals that do not wait for earlier answers. Each request is timed from the moment it was meant
 * to begin: while the server, the library or this process stalls, requests keep falling due, and
 * the time they lose counts.
 *
 * Due requests are issued in slices, about every millisecond: a timer for each would cost more than
 * the request.
 */
export async function openArrivals({
  gap,
  limit,
  first = 0,
  work,
  recorder,
  signal,
}: OpenArrivals): Promise<OpenTally> {
  const start = performance.now()
  const end = 'count' in limit ? first + limit.count : Number.POSITIVE_INFINITY
  const stopAt = 'seconds' in limit ? start + limit.seconds * 1_000 : Number.POSITIVE_INFINITY
  const tally: Tally = { accepted: 0, refused: 0, failed: 0, seconds: 0 }
  let open = 0
  let allAnswered = () => {}
  const settle = (outcome: Outcome, due: number) => {
    tally[outcome]++
    recorder?.add(outcome, due, performance.now())
    if (--open === 0) allAnswered()
  }
  const issue = (n: number, due: number) => {
    open++
    work(n).then(
      (outcome) => settle(outcome, due),
      (error) => {
        tally.error ??= error
        settle('failed', due)
      },
    )
  }

  let next = first
  const late = { sum: 0, max: 0 }
  let due = start + gap()
  while (next < end && due < stopAt && !signal?.aborted) {
    const now = performance.now()
    for (; due <= now && next < end && due < stopAt; due += gap()) {
      issue(next++, due)
      late.sum += now - due
      late.max = Math.max(late.max, now - due)
    }
    await delay(1)
  }
  if (open > 0) {
    await new Promise<void>((resolve) => {
      allAnswered = resolve
    })
  }
  tally.seconds = (performance.now() - start) / 1_000
  return { ...tally, lateness: { mean: late.sum / Math.max(1, next - first), max: late.max } }
}
