/** Whether sales that say nothing of partitions have several here: see `four-partitions.ts`. Some tests are about one. */
export const haveSeveral = process.env.STOCKHOLD_SEVERAL !== undefined
