import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Answer, Command, Op, Rules } from '../../src/engine/engine.js'
import { alteredMaker } from '../support/altered-kind.js'
import { type EngineKind, memoryKind, redisKind, type TimedEngine } from '../support/engines.js'
import { seeded } from '../support/seeds.js'
import { anyTime, idIn } from '../support/shop.js'

/** Two buyers whose names have the same hash, each with far more reservations than lie together. */
const buyers = ['u', 'v'] as const
const rules: Rules = {
  skus: [
    { sku: 'a', stock: 500, limit: 14 },
    { sku: 'b', stock: 500, limit: null },
    { sku: 'c', stock: 500, limit: 3 },
    // Of another block of SKUs.
    ...Array.from({ length: 70 }, (_, i) => ({ sku: `d${10 + i}`, stock: 500, limit: 2 })),
  ],
  // Of SKUs of several blocks.
  limits: [
    { skus: [0, 71], perBuyer: 16 },
    { skus: [1, 2, 66, 71], perBuyer: 9 },
  ],
  holdMs: 100,
  maxHoldMs: 300,
  opensAt: null,
  closesAt: null,
  partitions: 1,
}

type Step =
  | { readonly buy: readonly Omit<Op<'reserve'>, 'id'>[] }
  | {
      readonly command: 'confirm' | 'release' | 'extend' | 'refund' | 'get'
      readonly which: readonly number[]
    }
  | { readonly pass: number }

const line = fc.tuple(fc.constantFrom(0, 0, 0, 1, 2, 71), fc.constantFrom(1, 1, 2))
const request = fc.record({
  buyer: fc.constantFrom(...buyers, 'u'),
  cart: fc
    .uniqueArray(line, { minLength: 1, maxLength: 3, selector: ([sku]) => sku })
    .map((lines) => lines.sort(([a], [b]) => a - b)),
  key: fc.oneof(
    { arbitrary: fc.constant(null), weight: 3 },
    fc.nat({ max: 30 }).map((n) => `key ${n}`),
  ),
  holdMs: fc.constantFrom(100, 100, 30),
})
const which = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 6 })
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.array(request, { minLength: 1, maxLength: 12 }).map((buy) => ({ buy })) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom('confirm', 'release', 'extend', 'refund', 'get'), which)
        .map(([command, which]) => ({ command, which }) as Step),
    },
    { weight: 1, arbitrary: fc.constantFrom(20, 50, 100).map((pass) => ({ pass })) },
  ),
  { minLength: 12, maxLength: 24 },
)

async function play(made: TimedEngine, all: readonly Step[]) {
  const partition = made.engine.partition('s', 0, 1)
  await partition.ready()
  const ask = async <C extends Command>(command: C, ops: readonly Op<C>[]): Promise<Answer<C>[]> => {
    const reply = await partition.run(command, ops, {
      ...anyTime,
      incarnation: command === 'create' ? null : 't',
    })
    if (reply.outcome !== 'done') throw new Error(`${command}: ${reply.outcome}`)
    return [...reply.answers]
  }
  await ask('create', [{ rules, incarnation: 't', complete: true }])
  const told: unknown[] = []
  let count = 0
  for (const step of all) {
    if ('pass' in step) {
      await made.advance(step.pass)
    } else if ('buy' in step) {
      told.push(
        await ask(
          'reserve',
          step.buy.map((one) => ({ ...one, id: idIn('same', ++count) })),
        ),
      )
    } else {
      const rest = { buyer: null, paymentId: 'p', final: true, holdMs: 200, restock: true }
      const ops = step.which.map((place) => ({ ...rest, id: idIn('same', place) }))
      told.push(await ask(step.command, ops as never))
    }
  }
  const [stats] = await ask('stats', [{}])
  const ids = Array.from({ length: count }, (_, i) => ({ id: idIn('same', i + 1) }))
  told.push(stats, await ask('get', ids))
  const spokenOf = new Map<string, unknown>()
  for (let after = 0; ; ) {
    const [page] = await ask('events', [{ after, reservations: true }])
    if (page!.events.length === 0) break
    after = page!.events.at(-1)!.sequence
    for (const one of page!.reservations) spokenOf.set(one.id, one)
  }
  for (let cursor = '0'; ; ) {
    const [page] = await ask('scan', [{ cursor }])
    for (const one of page!.reservations) expect(spokenOf.get(one.id)).toEqual(one)
    cursor = page!.cursor
    if (cursor === '0') break
  }
  return [...told, spokenOf.size]
}

const memory = memoryKind()

/** Of the injected bugs. */
const SEED = 7

function agree(make: EngineKind['make']) {
  const property = fc.asyncProperty(steps, async (all) => {
    const [expected, actual] = await Promise.all([play(await memory.make(), all), play(await make(), all)])
    expect(actual).toEqual(expected)
  })
  return property
}

describe('buyers with many reservations', () => {
  const redis = redisKind()
  beforeAll(redis.start)
  afterAll(redis.stop)

  test('are answered as if all of them lay together', async () => {
    await fc.assert(agree(redis.make), seeded(60))
    await fc.assert(agree(redis.make), { seed: SEED, numRuns: 60 })
  })

  const injected: readonly (readonly [name: string, find: string, replace: string])[] = [
    [
      'the limit forgets what its bucket has no room for',
      'taken and taken_row(bucket, whose, name, sku)[sku] or 0',
      '0',
    ],
    [
      'a limit over several SKUs forgets what its bucket has no room for',
      'local archived_units = taken and archived_share(bucket, whose, name, shared[3]) or 0',
      'local archived_units = 0',
    ],
    [
      'a limit over several SKUs reads one block of them',
      'if block_of(sku) ~= block then',
      'if not block then',
    ],
    [
      'the limit counts for ever what its bucket has no room for',
      'if is_active(before) ~= is_active(state) then count_taken',
      'if false then count_taken',
    ],
    [
      'what has ended when its bucket has no room for it counts',
      'if is_active(record[STATE]) then count_taken(bucket, record, 1) end',
      'count_taken(bucket, record, 1)',
    ],
    [
      'two buyers of one bucket share a limit',
      'cmsgpack.pack(name, block_of(sku))',
      "cmsgpack.pack('', block_of(sku))",
    ],
    [
      'a limit is passed by what has expired and lies elsewhere',
      'while sku and archived_units > 0 and sweep_some() do',
      'more_expired = false\n  while false do',
    ],
    [
      'a key is forgotten with its reservation',
      "if record[KEY] ~= '' then archive_changes",
      'if false then archive_changes',
    ],
    [
      'what has expired elsewhere is taken for held',
      'if record then expire_if_due(record, bucket, in_archive) end',
      'if record and not in_archive then expire_if_due(record, bucket, in_archive) end',
    ],
    [
      'a change elsewhere is forgotten',
      'archive_changes[record_field(bucket, record)] = encode(record)\n    if is_active(before)',
      'if is_active(before)',
    ],
  ]
  test.each(injected)('finds an injected bug: %s', async (_name, find, replace) => {
    const { make, runs, stop } = alteredMaker(redis.server().socket, [{ find, replace }])
    onTestFinished(stop)
    const { failed } = await fc.check(agree(make), { seed: SEED, numRuns: 60, endOnFailure: true })
    expect(runs()).toBeGreaterThan(0)
    expect(failed).toBe(true)
  })
})
