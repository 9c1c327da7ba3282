import fc from 'fast-check'
import { describe, test } from 'vitest'
import { startedKinds } from '../support/engines.js'
import { path, runsOr, seeds } from '../support/seeds.js'
import { oneSaleProperty } from './check-one-sale.js'

const RUNS = { memory: 300, redis: 40 }

describe.each(startedKinds())('a sale of several partitions answers as one, on $name', (kind) => {
  test.each(seeds)('seed %i', { timeout: 600_000 }, async (seed) => {
    await fc.assert(oneSaleProperty(kind.make), {
      ...{ seed, numRuns: runsOr(RUNS[kind.name]), ...(path === undefined ? {} : { path }) },
    })
  })
})
