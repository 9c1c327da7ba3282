import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { groupPort } from '../../src/redis-engine/groups/group-port.js'
import { salePort } from '../../src/redis-engine/sale/sale-port.js'
import { SERVER_TIME } from '../../src/redis-engine/script.js'
import { Violation } from '../model/violation.js'
import { alteredMaker } from '../support/altered-kind.js'
import { memoryKind, redisKind, type TimedEngine } from '../support/engines.js'
import { FirstFinds } from '../support/first-finds.js'
import { placeOf } from './check.js'
import { oneSaleProperty } from './check-one-sale.js'
import { handoffProperty, partitionProperty } from './check-partitions.js'
import {
  debtMutants,
  departureMutants,
  groupMutants,
  type PartitionMutant,
  transferMutants,
} from './partition-mutants.js'

/** What each mutant must be found in; most fall in the first few. */
const CHECK = { seed: 2, numRuns: 300, endOnFailure: true }

const memory = memoryKind()
const redis = redisKind()
beforeAll(redis.start)
afterAll(redis.stop)

const finds = new FirstFinds(
  'partitions',
  [...transferMutants, ...departureMutants, ...groupMutants, ...debtMutants].map(({ name }) => name),
)

const scripts = [
  ...Object.values(salePort.compile(SERVER_TIME)),
  ...Object.values(groupPort.compile(SERVER_TIME)),
].map(({ text }) => text)

function findEach(
  property: (makers: readonly (() => Promise<TimedEngine>)[]) => unknown,
  mutants: readonly PartitionMutant[],
) {
  test.each(mutants)('$name', async ({ name, alterations, breaks }) => {
    for (const { find } of alterations)
      expect(
        scripts.filter((text) => text.includes(find)),
        `scripts with ${find}`,
      ).not.toEqual([])
    const { make, runs, stop } = alteredMaker(redis.server().socket, alterations)
    onTestFinished(stop)
    const details = await fc.check<unknown[]>(property([memory.make, make]) as never, {
      ...CHECK,
      path: String(finds.of(name)),
    })
    const { errorInstance } = details
    const at = placeOf(details)
    if (at !== undefined) finds.found(name, at)
    expect(runs()).toBeGreaterThan(0)
    expect(errorInstance).toBeInstanceOf(Violation)
    expect(breaks, (errorInstance as Violation).message).toContain((errorInstance as Violation).kind)
    expect((errorInstance as Violation).message, 'a script that fails is no bug that hides').not.toContain(
      'ReplyError',
    )
  })
}

describe('finds a bug injected into the transfers', () => findEach(partitionProperty, transferMutants))
describe('finds a bug injected into the transfers of reservations', () =>
  findEach(partitionProperty, departureMutants))
describe('finds a bug injected into the groups', () => findEach(handoffProperty, groupMutants))
describe('finds a bug injected into the debts of stock counts', () =>
  findEach(([, altered]) => oneSaleProperty(altered!), debtMutants))
