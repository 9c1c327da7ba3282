import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryKind, startedKinds } from '../support/engines.js'
import { FIXED_SEED, path, runsOr, seeds } from '../support/seeds.js'
import { handoffProperty, partitionProperty } from './check-partitions.js'

const makers = startedKinds().map(({ make }) => make)

test.each(seeds)(
  'groups that follow the events of a partition stand where they should on both engines, seed %i',
  { timeout: 600_000 },
  async (seed) => {
    await fc.assert(handoffProperty(makers), {
      ...{ seed, numRuns: runsOr(100) },
      ...(path === undefined ? {} : { path }),
    })
  },
)

test.each(seeds)(
  'three partitions that send each other units: both engines agree, and no unit is lost or made, seed %i',
  { timeout: 600_000 },
  async (seed) => {
    await fc.assert(partitionProperty(makers), {
      ...{ seed, numRuns: runsOr(130) },
      ...(path === undefined ? {} : { path }),
    })
  },
)

test('the stories of partitions reach what only partitions are answered', async () => {
  const answers = new Set<string>()
  await fc.assert(partitionProperty([memoryKind().make], answers), { seed: FIXED_SEED, numRuns: 400 })
  const commands = ['send', 'receive', 'stats', 'reserve', 'confirm', 'restock', 'control']
  for (const command of commands) expect([...answers]).toContain(`${command} rolled_back`)
  for (const command of commands.filter((each) => each !== 'stats'))
    expect([...answers]).toContain(`${command} retry`)
  const ofStock = [
    'setTotal uncounted',
    'setTotal superseded',
    'setTotal conflict',
    'move lacking',
    'withhold withheld',
  ]
  const kinds = [
    'confirm lacking',
    'restock lacking',
    'confirm refund_due',
    'reserve sold_out',
    'setTotal set',
  ]
  const ofTransfers = ['departed', 'transferred', 'moved', 'limit_exceeded', 'expired', 'already_released']
  const ofArrivals = ['arrived', 'limit_exceeded', 'retry', 'rolled_back']
  const ways = [
    ...ofTransfers.map((status) => `transfer ${status}`),
    ...ofArrivals.map((status) => `arrive ${status}`),
    ...['transfer already_refunded', 'transfer retry', 'transfer rolled_back'],
    ...['confirm moved', 'release moved', 'amend moved', 'refund moved', 'extend moved', 'reserve moved'],
    'settle settled',
  ]
  for (const kind of [...kinds, ...ofStock, ...ways]) expect([...answers]).toContain(kind)
})
