import { describe, expect, test } from 'vitest'
import type { Page } from '../../../src/consumer/history-reader.js'
import type { EventSource } from '../../../src/consumer/source.js'
import type { Rules } from '../../../src/engine/engine.js'
import { PartitionWriter } from '../../../src/postgres/partition-writer.js'
import type { Tables } from '../../../src/postgres/tables.js'
import { TestClock } from '../../support/test-clock.js'

/** The ledger has everything up to event 10 of generation 2, which began after event 8. */
function stage() {
  const clock = new TestClock(1_000)
  const position = { generation: 2, since: 8, sequence: 10, lost: 0, stale: false, fence: 0 }
  const page = { status: 'events', events: [], reservations: [], generation: 2, since: 8 } as unknown as Page
  const source = { sale: 'launch', clock, read: async () => page } as unknown as EventSource
  const tables = { position: async () => position } as unknown as Tables
  const writer = new PartitionWriter(source, 0, tables, async () => ({}) as Rules)
  const wait = (generation: number, sequence: number) =>
    writer.waitUntilWritten({ generation, sequence, batchId: 'x' }, clock.now() + 60_000)
  return { wait, clock }
}

describe('a call waits until the ledger has its event', () => {
  test.each([10, 9, 8])('of the present generation, number %i', async (sequence) => {
    await expect(stage().wait(2, sequence)).resolves.toBeUndefined()
  })

  // In place of that event, the generation that follows may have another one of this number.
  test.each([8, 6, 9])('of an earlier generation, number %i: that cannot be known', async (sequence) => {
    await expect(stage().wait(1, sequence)).rejects.toMatchObject({
      code: 'UNKNOWN_OUTCOME',
      message: expect.stringContaining('recovered before the ledger had it'),
    })
  })

  test('of a later generation: it waits until its deadline', async () => {
    const { wait, clock } = stage()
    const waiting = expect(wait(3, 1)).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' })
    await clock.advance(60_000)
    await waiting
  })
})
