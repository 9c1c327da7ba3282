import fc from 'fast-check'

export const GROUPS = ['a', 'b', 'ä'] as const
export const CONSUMERS = ['one', 'two', 'three'] as const
/** The longest a hold lasts, and the least that events are old when they are trimmed. */
export const AGE = 1_000

const group = fc.constantFrom(...GROUPS)
const consumer = fc.constantFrom(...CONSUMERS)
const leaseMs = fc.constantFrom(0, 1, 300, 300, 2_000)
/** Sequences counted back from the latest event; some are of no event. */
const back = fc.oneof({ arbitrary: fc.nat(8), weight: 3 }, fc.integer({ min: -2, max: 60 }))

const trim = fc.option(
  fc.record({
    olderThanMs: fc.constantFrom(AGE, AGE, AGE + 1, 2 * AGE),
    maxEvents: fc.constantFrom(0, 1, 5, 12, 1_000, 1_000, 1_000, 1_000),
  }),
  { freq: 3 },
)

const parking = fc.record({
  back,
  attempts: fc.nat(5),
  /** From now on; none: it is dead. */
  retryIn: fc.option(fc.constantFrom(0, 50, 1_000), { freq: 2 }),
  error: fc.constantFrom('', 'no answer', 'ä\u0000"'),
})

const some = <T>(each: fc.Arbitrary<T>, maxLength = 3) => fc.array(each, { minLength: 1, maxLength })
const command = <C extends string>(name: C) => fc.constant(name)

const claim = fc.record({
  command: command('claim'),
  items: some(fc.record({ group, consumer, leaseMs, start: fc.constantFrom('beginning', 'now') })),
})
const acknowledge = fc.record({
  command: command('acknowledge'),
  items: some(
    fc.record({
      group,
      /** Of whoever claimed last, or of somebody with an epoch so much older or newer. */
      as: fc.oneof(
        { arbitrary: fc.constant(null), weight: 6 },
        fc.record({ consumer, epoch: fc.constantFrom(-1, 0, 0, 1) }),
      ),
      leaseMs,
      position: back,
      park: fc.array(parking, { maxLength: 4 }),
      unpark: fc.array(back, { maxLength: 3 }),
      trim,
    }),
  ),
})
const checkpoint = fc.record({
  command: command('checkpoint'),
  items: some(fc.record({ group, position: back, trim })),
})
const revive = fc.record({
  command: command('revive'),
  items: some(
    fc.record({
      group,
      sequences: fc.array(back, { maxLength: 6 }),
      action: fc.constantFrom('retry', 'discard'),
    }),
  ),
})
const drop = fc.record({ command: command('drop'), items: some(fc.record({ group }), 2) })
/** So many times two calls on the sale, each of so many events. */
const write = fc.record({
  command: command('write'),
  calls: fc.constantFrom(1, 2, 2, 5, 5, 70),
  events: fc.integer({ min: 1, max: 3 }),
  holdMs: fc.constantFrom(200, AGE),
})

const batch = fc.oneof(
  { arbitrary: write, weight: 5 },
  { arbitrary: claim, weight: 6 },
  { arbitrary: acknowledge, weight: 10 },
  { arbitrary: checkpoint, weight: 2 },
  { arbitrary: revive, weight: 2 },
  { arbitrary: drop, weight: 1 },
)

const step = fc
  .tuple(
    fc.record({
      /** Before the batch, in ms. */
      advance: fc.constantFrom(0, 0, 0, 1, 299, 300, 500, AGE, AGE + 1),
      late: fc.constantFrom(...Array(11).fill(false), true),
      minTime: fc.constantFrom(...Array(11).fill(0), 120),
    }),
    batch,
  )
  .map(([shared, own]) => ({ ...shared, ...own }))

export type HandoffStep = typeof step extends fc.Arbitrary<infer S> ? S : never
export type Batch<C> = Extract<HandoffStep, { command: C }>

export const handoffStories: fc.Arbitrary<readonly HandoffStep[]> = fc
  .array(step, { minLength: 5, maxLength: 40 })
  .map((steps) =>
    Object.assign(steps, {
      toString: () => steps.map((each, i) => `${i + 1}. ${JSON.stringify(each)}`).join('\n'),
    }),
  )
