import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Engine } from '../../src/engine/engine.js'
import { salePort } from '../../src/redis-engine/sale/sale-port.js'
import { SERVER_TIME } from '../../src/redis-engine/script.js'
import { alteredMaker } from '../support/altered-kind.js'
import type { Before } from '../support/altered-scripts.js'
import { memoryKind, redisKind, type TimedEngine } from '../support/engines.js'
import { FirstFinds } from '../support/first-finds.js'
import { withPartitions, wrapped } from '../support/wrapped-engine.js'
import { type CheckResult, checkProperties } from './check.js'
import { mutants } from './mutants.js'

const SEED = 2
/** What each mutant must be found in; many fall in the first few. */
const RUNS = 600

const memory = memoryKind()
const redis = redisKind()
beforeAll(redis.start)
afterAll(redis.stop)

const WRONG_ORDER = 'the answers of a batch come in the wrong order'
const FOR_EVER = 'sold_out is remembered for ever'

const finds = new FirstFinds('property', [...mutants.map(({ name }) => name), WRONG_ORDER, FOR_EVER])

/** Plays stories until one breaks a property. */
async function search(bug: string, make: () => Promise<TimedEngine>, runs = RUNS): Promise<CheckResult> {
  const path = String(finds.of(bug))
  const result = await checkProperties([make], { seed: SEED, runs, path, asFound: true })
  if (result.at !== undefined) finds.found(bug, result.at)
  return result
}

const scripts = Object.values(salePort.compile(SERVER_TIME)).map(({ text }) => text)

test('the engines as they are pass with the same seed', async () => {
  const { report } = await checkProperties([memory.make, redis.make], { seed: SEED, runs: RUNS })
  expect(report).toBe('')
})

describe('finds an injected bug', () => {
  for (const { name, alterations, breaks, readsBefore } of mutants) {
    test(name, async () => {
      for (const { find } of alterations)
        expect(
          scripts.filter((text) => text.includes(find)),
          `scripts with ${find}`,
        ).not.toEqual([])
      const { make, runs, stop } = alteredMaker(
        redis.server().socket,
        alterations,
        readsBefore ? readingStock : undefined,
      )
      onTestFinished(stop)
      const { violation, report } = await search(name, make)
      expect(runs()).toBeGreaterThan(0)
      expect(breaks, report).toContain(violation)
      expect(report, 'a script that fails is no bug that hides').not.toContain('UNKNOWN_OUTCOME')
    })
  }
})

/** Copies the stock to where an altered script reads it, in a call ahead of the script's. */
function readingStock(client: Redis): Before {
  return ([, stock]) => client.copy(stock!, `${stock}:read`, 'REPLACE')
}

/** The memory engine with something between it and its callers. */
async function between(change: (engine: Engine) => Engine) {
  const timed = await memory.make()
  return { ...timed, engine: change(timed.engine) }
}

describe('finds a bug injected around the memory engine', () => {
  test(WRONG_ORDER, async () => {
    const reversed = (inner: Engine) =>
      withPartitions(inner, (port) => ({
        async run(command, ops, call) {
          const reply = await port.run(command, ops, call)
          return reply.outcome === 'done' ? { ...reply, answers: reply.answers.toReversed() } : reply
        },
      }))
    const { violation } = await search(WRONG_ORDER, () => between(reversed))
    expect(violation).toBe('answer')
  })

  test(FOR_EVER, async () => {
    const timeless = (inner: Engine) => wrapped(inner, { elapsed: () => 0 })
    const { violation } = await search(FOR_EVER, () => between(timeless), 4 * RUNS)
    expect(violation).toBe('answer')
  })
})
