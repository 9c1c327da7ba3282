import { test } from 'vitest'

/** Whether sales that say nothing of partitions have several here: see `four-partitions.ts`. */
export const haveSeveral = process.env.STOCKHOLD_SEVERAL !== undefined

const leftOut = Object.assign(() => {}, { each: () => () => {} })

/**
 * A test of what a sale of one partition does, or of one partition by its port: there is none in
 * the run over several.
 */
export const testOfOne = (haveSeveral ? leftOut : test) as Pick<typeof test, 'each'> &
  ((name: string, run: () => Promise<void>) => void)
