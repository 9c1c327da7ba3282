/**
 * How much a run of the tests covers. `npm run test:fast` runs the suites over the memory engine
 * alone, and the properties with a tenth of their cases: see `vitest.config.ts`.
 */
export const isFast = process.env.STOCKHOLD_FAST !== undefined

/** Cases of a property in this run, where `full` is the number of a whole run. */
export function scaled(full: number): number {
  return isFast ? Math.ceil(full / 10) : full
}
