import { randomInt } from 'node:crypto'
import { scaled } from './fast-run.js'

/**
 * Which random stories are played. A commit passes or fails whatever the day it is: the seeds are
 * the same in every run, and each that has ever failed is a test of its own. `STOCKHOLD_SEED=new`
 * draws another one, for the night; a number plays again what a failure printed, with
 * `STOCKHOLD_PATH` where there is one. `STOCKHOLD_RUNS` plays more.
 */
const { STOCKHOLD_SEED, STOCKHOLD_PATH, STOCKHOLD_RUNS } = process.env

/** For what a story must reach, whichever others are played. */
export const FIXED_SEED = 20_260_101

const given = STOCKHOLD_SEED === 'new' ? randomInt(2 ** 31) : STOCKHOLD_SEED && Number(STOCKHOLD_SEED)

export const seeds: readonly number[] = given ? [given] : [FIXED_SEED, 20_261_122]

export const path = STOCKHOLD_PATH

export function runsOr(usual: number): number {
  return Number(STOCKHOLD_RUNS ?? scaled(usual))
}

/** For `fc.assert`, which prints seed and path with a counterexample. */
export function seeded(runs: number) {
  const seed = seeds.at(-1)!
  return { seed, numRuns: runsOr(runs), ...(path === undefined ? {} : { path }) }
}
