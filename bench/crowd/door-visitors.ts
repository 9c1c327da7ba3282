import { random } from '../../scripts/lib/random.js'

/** One in so many visitors has two tabs open, at two processes. */
export const TWO_TABS = 20

export type Waiting = 'updates' | 'polls'

export interface DoorInput {
  readonly url: string
  readonly prefix: string
  readonly id: string
  readonly pace: { readonly rate: number; readonly burst: number }
  readonly buyers: number
  /** Of the buyers, how many never come back after they have joined. */
  readonly noShows: number
  readonly seed: number
  readonly worker: number
  readonly workers: number
  /** When to stop, in epoch ms: the room has been paused by then. */
  readonly endsAt: number
}

/** Parallel columns, one row each. */
export interface DoorResult {
  /** Of those who joined here: the buyer, and the position told then. */
  readonly joined: { readonly buyers: number[]; readonly positions: number[] }
  /** Of those let in: the buyer, when their pass expires, and when they heard of it. */
  readonly admitted: { readonly buyers: number[]; readonly expires: number[]; readonly heard: number[] }
  /** In epoch ms. */
  readonly joinedAt: number
  readonly error: string | undefined
}

/** Half of them by what is pushed, the others by asking as they are told to. */
export const waitsBy = (n: number): Waiting => (n % 4 < 2 ? 'updates' : 'polls')
/** Every process knows by itself. */
export const isNoShow = (n: number, { seed, noShows }: Pick<DoorInput, 'seed' | 'noShows'>) =>
  random(seed, n)() < noShows
