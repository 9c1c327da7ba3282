import { randomInt } from 'node:crypto'

/** Set `STOCKHOLD_SEED`, and `STOCKHOLD_PATH` with it, to play again what a failure printed; `STOCKHOLD_RUNS` for more. */
const { STOCKHOLD_SEED, STOCKHOLD_PATH, STOCKHOLD_RUNS } = process.env

export const FIXED_SEED = 20_260_101

/** One seed that never changes and one that is new every time, unless one is given. */
export const seeds: readonly number[] =
  STOCKHOLD_SEED === undefined ? [FIXED_SEED, randomInt(2 ** 31)] : [Number(STOCKHOLD_SEED)]

export const path = STOCKHOLD_PATH

export function runsOr(usual: number): number {
  return Number(STOCKHOLD_RUNS ?? usual)
}

/** For `fc.assert`, which prints seed and path with a counterexample: the new seed, or the one that was given. */
export function fresh(runs: number) {
  const seed = seeds.at(-1)!
  return { seed, numRuns: runsOr(runs), ...(path === undefined ? {} : { path }) }
}
