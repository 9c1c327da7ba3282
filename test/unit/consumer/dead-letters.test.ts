import { describe, expect, test } from 'vitest'
import { DeadLetters } from '../../../src/consumer/dead-letters.js'
import { consumerGroups, groupStates, removeGroup } from '../../../src/consumer/groups.js'
import type { EventSource } from '../../../src/consumer/source.js'
import type { StoredEvent } from '../../../src/engine/engine.js'
import type { GroupState, ParkedEvent } from '../../../src/engine/groups.js'
import { listed } from '../../support/consumers.js'

const rules = { skus: [{ sku: 'a', stock: 1, limit: null }], partitions: 2 }
const NOW = 1_000

/** Partitions with the events that were given up in each, told in pages of two. */
function source(dead: readonly (readonly number[])[]) {
  const asked: [number, string, object][] = []
  const event = (sequence: number) =>
    sequence % 2 === 0
      ? { sequence, at: 5, type: 'paused' }
      : { sequence, at: 5, type: 'released', id: `id ${sequence}` }
  const answers: Record<string, (partition: number, op: never) => object> = {
    dead: (partition, { after }: { after: number }) => ({
      events: dead[partition]!.filter((sequence) => sequence > after)
        .slice(0, 2)
        .map(
          (sequence): ParkedEvent => ({
            event: event(sequence) as StoredEvent,
            attempts: 3,
            retryAt: null,
            error: 'no',
          }),
        ),
    }),
    revive: (_, { sequences }: { sequences: readonly number[] }) => ({ count: sequences.length }),
  }
  const from = {
    describe: async () => ({ rules: { ...rules, partitions: dead.length } }),
    async ask(partition: number, command: string, op: object) {
      asked.push([partition, command, op])
      return answers[command]!(partition, op as never)
    },
    read: async () => ({ generation: 2, since: 4 }),
    reservation: async (_: number, id: string) => ({
      id,
      buyer: 'u',
      cart: [[0, 1]],
      key: null,
      createdAt: 1,
      expiresAt: 2,
      paymentId: null,
    }),
  }
  const revived = () =>
    asked.filter(([, command]) => command === 'revive').map(([partition, , op]) => [partition, op])
  return { from: from as unknown as EventSource, asked, revived }
}

describe('what a group has given up', () => {
  test('is told in order, partition by partition, page by page, with its generation', async () => {
    const letters = await listed(new DeadLetters(source([[1, 2, 5], [], [7]]).from, 'g').all())
    expect(letters.map(({ event }) => event.id)).toEqual(['0-1-1', '0-1-2', '0-2-5', '2-2-7'])
    expect(letters.map(({ event }) => event.reservation?.id)).toEqual(['id 1', undefined, 'id 5', 'id 7'])
    expect(letters[0]).toMatchObject({ attempts: 3, error: 'no' })
  })

  test('is asked for until there is nothing more', async () => {
    const { from, asked } = source([[1, 3, 5]])
    await listed(new DeadLetters(from, 'g').all())
    const pages = asked.filter(([, command]) => command === 'dead').map(([, , op]) => op)
    expect(pages).toEqual([0, 3, 5].map((after) => ({ group: 'g', after })))
  })

  test('all of it is tried again, or forgotten', async () => {
    for (const action of ['retry', 'discard'] as const) {
      const { from, revived } = source([[1, 2, 5], [7]])
      expect(await new DeadLetters(from, 'g').settle('all', action)).toBe(4)
      expect(revived()).toEqual([
        [0, { group: 'g', sequences: [1, 2], action }],
        [0, { group: 'g', sequences: [5], action }],
        [1, { group: 'g', sequences: [7], action }],
      ])
    }
  })

  test('those that are named, of this history: up to 4 of the generation before, from 5 on of this one', async () => {
    const { from, revived } = source([[], []])
    const ids = ['0-1-4', '0-2-4', '0-1-5', '0-2-5', '1-2-9', '2-2-9']
    expect(await new DeadLetters(from, 'g').settle(ids, 'retry')).toBe(3)
    expect(revived()).toEqual([
      [0, { group: 'g', sequences: [4, 5], action: 'retry' }],
      [1, { group: 'g', sequences: [9], action: 'retry' }],
    ])
  })

  test('a hundred in one call', async () => {
    const { from, revived } = source([[]])
    const ids = Array.from({ length: 101 }, (_, i) => `0-2-${i + 5}`)
    expect(await new DeadLetters(from, 'g').settle(ids, 'retry')).toBe(101)
    expect(revived().map(([, op]) => (op as { sequences: [] }).sequences.length)).toEqual([100, 1])
  })

  test('a partition of which none is named is not asked', async () => {
    const { from, asked } = source([[], []])
    expect(await new DeadLetters(from, 'g').settle(['1-2-9'], 'retry')).toBe(1)
    expect(asked.map(([partition]) => partition)).toEqual([1])
    expect(await new DeadLetters(from, 'g').settle([], 'retry')).toBe(0)
  })

  test.each([['everything'], [['0-1']], [[7]], [undefined]])('%j names none', async (ids) => {
    await expect(new DeadLetters(source([[]]).from, 'g').settle(ids as never, 'retry')).rejects.toMatchObject(
      {
        code: 'INVALID_ARGUMENT',
      },
    )
  })
})

describe('groups', () => {
  const state = (group: string, rest: Partial<GroupState> = {}): GroupState => ({
    ...{ group, position: 0, consumer: 'c', until: NOW + 1, parked: 0, dead: 0 },
    ...rest,
  })
  function groups(states: readonly (readonly GroupState[])[], dropped: readonly string[] = []) {
    const dropsOf: [number, object][] = []
    const from = {
      describe: async () => ({ rules: { partitions: states.length } }),
      async ask(partition: number, command: string, op: object) {
        if (command === 'groups') return { groups: states[partition] }
        dropsOf.push([partition, op])
        return { status: dropped[partition] }
      },
      latest: (partition: number) => ({ generation: 1, sequence: 10 * (partition + 1) }),
      serverTime: () => NOW,
    }
    return { from: from as unknown as EventSource, dropsOf }
  }

  test('in order of their names, summed over the partitions in which they are', async () => {
    const { from } = groups([
      [state('b', { position: 4, parked: 1, dead: 2 }), state('c')],
      [state('a', { position: 20 }), state('b', { position: 5, parked: 10, dead: 20 })],
    ])
    const found = await consumerGroups(from)
    expect(
      found.map(({ group, lag, parked, dead, partitions }) => [
        group,
        lag,
        parked,
        dead,
        partitions.map((one) => one.partition),
      ]),
    ).toEqual([
      ['a', 0, 0, 0, [1]],
      ['b', 21, 11, 22, [0, 1]],
      ['c', 10, 0, 0, [0]],
    ])
  })

  test('a consumer leads up to the end of its lease', () => {
    const { from } = groups([[]])
    const leads = (until: number) => groupStates(state('a', { until }), 0, from).consumer
    expect([leads(NOW + 1), leads(NOW), leads(NOW - 1)]).toEqual(['c', null, null])
  })

  test('that are ahead of what this handle has seen lag by nothing', () => {
    const { from } = groups([[]])
    expect(groupStates(state('a', { position: 12 }), 0, from)).toMatchObject({
      position: 12,
      latest: 12,
      lag: 0,
    })
    expect(groupStates(state('a', { position: 10 }), 0, from)).toMatchObject({ latest: 10, lag: 0 })
    expect(groupStates(state('a', { position: 9 }), 0, from)).toMatchObject({ latest: 10, lag: 1 })
  })

  test.each([
    [['gone', 'gone'], false],
    [['gone', 'dropped'], true],
    [['dropped', 'gone'], true],
  ])('one is removed in all partitions: %j: %s', async (statuses, there) => {
    const { from, dropsOf } = groups([[], []], statuses)
    expect(await removeGroup(from, 'g')).toBe(there)
    expect(dropsOf).toEqual([
      [0, { group: 'g' }],
      [1, { group: 'g' }],
    ])
  })
})
