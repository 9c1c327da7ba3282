import { random } from '../../scripts/lib/random.js'

/** One visitor in this number has two tabs open, at two processes. */
export const TWO_TABS = 20

export type Waiting = 'updates' | 'polls'

export interface AdmissionInput {
  readonly url: string
  readonly prefix: string
  readonly pace: { readonly rate: number; readonly burst: number }
  readonly buyers: number
  /** The share of the visitors who never come back after they have joined. */
  readonly noShows: number
  readonly seed: number
  readonly worker: number
  readonly workers: number
}

export type AdmissionTask =
  /** Has the visitors join this room; those of an earlier room stop to wait. */
  | { readonly type: 'join'; readonly room: string }
  /** Lets them wait until a time in epoch ms. The room is paused by then. */
  | { readonly type: 'wait'; readonly until: number }

/** Parallel columns, one row each. */
export interface AdmissionResult {
  /** The visitors who joined here, and the position each was told. */
  readonly joined: { readonly buyers: number[]; readonly positions: number[] }
  /** The visitors admitted here, when the pass of each expires, and when it arrived. */
  readonly admitted: { readonly buyers: number[]; readonly expires: number[]; readonly received: number[] }
  /** In epoch ms. */
  readonly joinedAt: number
  readonly error: string | undefined
}

/** Half of the visitors wait for updates, the others poll when they are told to. */
export const waitsBy = (n: number): Waiting => (n % 4 < 2 ? 'updates' : 'polls')
/** A pure function, so that every process knows it. */
export const isNoShow = (n: number, { seed, noShows }: Pick<AdmissionInput, 'seed' | 'noShows'>) =>
  random(seed, n)() < noShows
