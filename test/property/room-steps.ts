import fc from 'fast-check'
import type { AdmissionRate, RoomCommand, StockReading, StoredRoomRules } from '../../src/engine/room.js'
import { START } from '../support/engines.js'
import { usualRules } from '../support/room.js'

/** How somebody who visits knows their place. */
export type Memory = 'right' | 'old number' | 'other stay'

/**
 * One batch. People are meant by where they stand in the list of all who ever joined, counted round
 * and round.
 */
export type RoomStep = {
  /** Before the batch, in ms: forwards or backwards. */
  readonly advance: number
  readonly late: boolean
  /** Beyond the clock, in ms. */
  readonly minTime: number
} & (
  | {
      readonly command: 'join'
      readonly newcomers: number
      readonly again: readonly number[]
      /** Of the newcomers, one after the other, and of the others. */
      readonly tiers: readonly (string | null)[]
    }
  | {
      readonly command: 'update'
      readonly changes: readonly {
        readonly opensIn: number | 'now' | null
        readonly tiers: readonly string[] | null
      }[]
    }
  | {
      readonly command: 'tend'
      readonly tends: readonly Tend[]
      /** Before it, the room is tended so many times, each after {@link WAIT_MS}. */
      readonly waits: number
    }
  | { readonly command: 'leave' | 'spend'; readonly who: readonly { person: number; memory: Memory }[] }
  | { readonly command: 'revoke'; readonly who: readonly { person: number }[] }
  | {
      readonly command: 'transfer'
      readonly who: readonly {
        person: number
        memory: Memory
        /** An account: another person, or one who comes by this alone. */
        to: number | 'new'
        compared: 'right' | 'wrong' | null
      }[]
    }
  | { readonly command: 'block'; readonly who: readonly { person: number; blocked: boolean }[] }
  | {
      readonly command: 'control'
      readonly actions: readonly (
        | 'pause'
        | 'resume'
        | { readonly rate: number; readonly burst: number | null }
      )[]
    }
)

export interface Tend {
  readonly visitors: readonly { readonly person: number; readonly memory: Memory }[]
  /** The first so many of all who ever joined visit too. */
  readonly crowd: number
  readonly stock: (Omit<StockReading, 'at'> & { readonly age: number }) | null
}

export interface RoomStory {
  readonly rules: StoredRoomRules
  readonly pace: AdmissionRate
  readonly steps: readonly RoomStep[]
}

/** The most that counts as door time: {@link GAP_MS}. */
export const WAIT_MS = 2_000

const rates = fc.constantFrom(0, 1, 333, 1_000, 3_333, 20_000, 100_000)
const bursts = fc.constantFrom(1, 2, 5, 70)

const rules: fc.Arbitrary<StoredRoomRules> = fc
  .record({
    tiers: fc.constantFrom([], [], ['a'], ['a', 'b'], ['c', 'a', 'b']),
    order: fc.constantFrom('fifo' as const, 'fifo' as const, 'random' as const),
    opensAt: fc.constantFrom(null, null, START + 1_500, START + 20_000),
    claimMs: fc.constantFrom(700, 3_000, 10_000),
    passMs: fc.constantFrom(1_500, 5_000, 60_000),
    sale: fc.constantFrom(null, 'launch'),
    overcommit: fc.constantFrom(1_000, 1_500),
    maxActive: fc.constantFrom(null, null, null, 1, 4),
  })
  .map((each) => ({ ...usualRules, ...each }))

const advances = fc.oneof(
  { arbitrary: fc.constantFrom(0, 0, 1, 250, 999, 1_000), weight: 6 },
  { arbitrary: fc.integer({ min: 1, max: 1_200 }), weight: 4 },
  { arbitrary: fc.constantFrom(1_999, 2_000, 2_001, 3_000, 3_001), weight: 3 },
  { arbitrary: fc.constantFrom(10_000, 70_000, -1, -400, -5_000, -1e7), weight: 2 },
)

const person = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.nat(200))
const memory = fc.constantFrom<Memory>(
  'right',
  'right',
  'right',
  'right',
  'right',
  'old number',
  'other stay',
)
const people = fc.array(fc.record({ person, memory }), { maxLength: 8 })
const stock = fc.oneof(
  { arbitrary: fc.constant(null), weight: 2 },
  {
    arbitrary: fc.record({
      state: fc.constantFrom('open', 'open', 'open', 'open', 'open', 'closed', 'sold_out', 'ended' as const),
      available: fc.constantFrom(0, 1, 3, 10, 500),
      age: fc.constantFrom(0, 0, 0, 0, 1, 600, 1_001, -50),
    }) as fc.Arbitrary<Tend['stock']>,
    weight: 3,
  },
)
const tend: fc.Arbitrary<Tend> = fc.record({
  visitors: people,
  crowd: fc.constantFrom(0, 0, 4, 20, 90),
  stock,
})

const steps: fc.Arbitrary<RoomStep> = fc
  .tuple(
    fc.record({
      advance: advances,
      late: fc.constantFrom(...Array(11).fill(false), true),
      minTime: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 700),
    }),
    fc.oneof(
      {
        arbitrary: fc.record({
          command: fc.constant('join' as const),
          newcomers: fc.constantFrom(0, 1, 2, 3, 5, 30, 90),
          again: fc.array(person, { maxLength: 4 }),
          tiers: fc.array(fc.constantFrom(null, null, 'a', 'b', 'c', 'a', 'b'), {
            minLength: 1,
            maxLength: 5,
          }),
        }),
        weight: 5,
      },
      {
        arbitrary: fc.record({
          command: fc.constant('tend' as const),
          tends: fc.array(tend, { minLength: 1, maxLength: 2 }),
          // Now and then beyond the time for which a turn is kept after a missed one.
          waits: fc.constantFrom(...Array(29).fill(0), 61),
        }),
        weight: 10,
      },
      {
        arbitrary: fc.record({
          command: fc.constant('update' as const),
          changes: fc.array(
            fc.record({
              opensIn: fc.constantFrom(null, null, 'now' as const, -1_000, 500, 5_000),
              tiers: fc.constantFrom(
                null,
                ...[['a'], ['a', 'b'], ['b', 'a'], ['a', 'b', 'c'], ['c', 'b', 'a'], ['b', 'c', 'a', 'd']],
              ),
            }),
            { minLength: 1, maxLength: 2 },
          ),
        }),
        weight: 1,
      },
      { arbitrary: fc.record({ command: fc.constant('leave' as const), who: people }), weight: 2 },
      { arbitrary: fc.record({ command: fc.constant('spend' as const), who: people }), weight: 2 },
      {
        arbitrary: fc.record({
          command: fc.constant('revoke' as const),
          who: fc.array(fc.record({ person }), { maxLength: 3 }),
        }),
        weight: 1,
      },
      {
        arbitrary: fc.record({
          command: fc.constant('transfer' as const),
          who: fc.array(
            fc.record({
              ...{ person, memory, to: fc.oneof(person, person, fc.constant('new' as const)) },
              compared: fc.constantFrom('right' as const, 'right' as const, 'wrong' as const, null),
            }),
            { maxLength: 4 },
          ),
        }),
        weight: 2,
      },
      {
        arbitrary: fc.record({
          command: fc.constant('block' as const),
          who: fc.array(fc.record({ person, blocked: fc.boolean() }), { maxLength: 4 }),
        }),
        weight: 1,
      },
      {
        arbitrary: fc.record({
          command: fc.constant('control' as const),
          actions: fc.array(
            fc.oneof(
              fc.constantFrom('pause' as const, 'resume' as const, 'resume' as const, 'resume' as const),
              fc.record({ rate: rates, burst: fc.oneof(fc.constant(null), bursts) }),
            ),
            { minLength: 1, maxLength: 3 },
          ),
        }),
        weight: 2,
      },
    ),
  )
  .map(([shared, step]) => ({ ...shared, ...step }) as RoomStep)

export const roomStories: fc.Arbitrary<RoomStory> = fc
  .record({
    rules,
    pace: fc.record({ rate: rates, burst: bursts }),
    steps: fc.array(steps, { minLength: 5, maxLength: 60 }),
  })
  .map((story) => ({
    ...story,
    toString: () =>
      [JSON.stringify(story.rules), JSON.stringify(story.pace), ...story.steps.map(textOf)].join('\n'),
  }))

function textOf(step: RoomStep, index: number): string {
  return `${index + 1}. ${JSON.stringify(step)}`
}

/** Whether a command moves the room on, as long as it is not late. */
export function moves(command: RoomCommand): boolean {
  return command !== 'join' && command !== 'create' && command !== 'describe'
}
