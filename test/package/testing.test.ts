import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Answer, Command, Engine, FinalAnswer, Op, Reply, SkuRule } from '../../src/engine/engine.js'
import { FlashSale, memoryEngine, redisEngine, StockholdError } from '../../src/index.js'
import { SERVER_TIME } from '../../src/redis-engine/script.js'
import {
  type CheckProgress,
  checkNoOversell,
  faultyRedis,
  InvariantViolation,
  playStory,
  type Step,
  type Story,
  stepArbitrary,
  storyArbitrary,
} from '../../src/testing.js'
import { mutants } from '../property/mutants.js'
import { AlteredScripts } from '../support/altered-scripts.js'
import { FirstFinds } from '../support/first-finds.js'
import { OwnRedis } from '../support/own-redis.js'
import { withPartitions } from '../support/wrapped-engine.js'
import { WITHOUT_FAST_CHECK } from './without-fast-check.js'

const root = new URL('../../', import.meta.url).pathname

const redis = new OwnRedis()

test('the memory engine passes', async () => {
  const report = await checkNoOversell(() => memoryEngine(), { runs: 50, seed: 7 })
  expect(report).toMatchObject({ runs: 50, seed: 7 })
  expect(report.commands).toBeGreaterThan(500)
})

test('the Redis engine passes', async () => {
  const report = await checkNoOversell(() => redisEngine(redis.client), { runs: 50, seed: 7 })
  expect(report.runs).toBe(50)
})

/** The memory engine with its answers tampered with. */
function tampered(
  change: <C extends Command>(command: C, op: Op<C>, answer: Answer<C>) => Answer<C>,
): Engine {
  return withPartitions(memoryEngine(), (port) => ({
    async run(command, ops, call) {
      const reply = await port.run(command, ops, call)
      if (reply.outcome !== 'done') return reply
      const answers = reply.answers.map((answer, i) => change(command, ops[i]!, answer))
      return { ...reply, answers } as Reply<typeof command>
    },
  }))
}

/** What everybody sees who is told of a unit that is not there. */
function overselling(): Engine {
  // What a decrement does that was decided on a value read before: everybody who read a 1 gets one.
  return tampered((command, op, answer) => {
    if (command !== 'reserve' || (answer as FinalAnswer<'reserve'>).status !== 'sold_out') return answer
    const { id, buyer, cart, key, holdMs } = op as Op<'reserve'>
    const now = Date.now()
    const held = {
      id,
      buyer,
      cart,
      key,
      state: 'held',
      createdAt: now,
      expiresAt: now + (holdMs ?? 60_000),
      paymentId: null,
    }
    return { status: 'reserved', reservation: held, replayed: false } as typeof answer
  })
}

test('an engine that sells what it has not is caught', async () => {
  const failure = await checkNoOversell(overselling, { runs: 50, seed: 8 }).catch((error) => error)
  expect(failure).toBeInstanceOf(InvariantViolation)
  expect(failure.message).toMatch(/units are promised.*Seed 8, smallest story:\na sale of \d a and \d b/s)
  expect(failure).toMatchObject({ seed: 8, rule: expect.stringMatching(/^[ab]: \d units are promised/) })
  // As few requests as it takes.
  expect(failure.transcript.match(/reserve\(/g).length).toBeLessThan(4)
  expect(failure.transcript).toMatch(/reserve\(u\d: .*reserved, replayed false, r1 is held until/)
})

test('an engine that loses units is caught', async () => {
  const leaking = tampered((command, _, answer) => {
    if (command !== 'stats' || !('skus' in answer)) return answer
    const skus = answer.skus.map((counts) => ({ ...counts, available: Math.max(0, counts.available - 1) }))
    return { ...answer, skus } as typeof answer
  })
  await expect(checkNoOversell(() => leaking, { runs: 20, seed: 1 })).rejects.toThrow(/do not add up/)
})

/** The memory engine, that is asked something else. */
function misled(change: <C extends Command>(command: C, op: Op<C>) => Op<C>): Engine {
  return withPartitions(memoryEngine(), (port) => ({
    run: (command, ops, call) => port.run(command, ops.map((op) => change(command, op)) as typeof ops, call),
  }))
}

/** A memory engine that makes sales by other rules. */
function withRules(change: (skus: readonly SkuRule[]) => readonly SkuRule[]): Engine {
  return misled((command, op) => {
    if (command !== 'create') return op
    const { rules } = op as Op<'create'>
    return { ...op, rules: { ...rules, skus: change(rules.skus) } }
  })
}

/** An engine that amends nothing, and says that it did. */
function answeringAmends(): Engine {
  return withPartitions(memoryEngine(), (port) => ({
    async run(command, ops, call) {
      if (command !== 'amend') return port.run(command, ops, call)
      const amends = ops as readonly Op<'amend'>[]
      const reply = await port.run('get', amends, call)
      if (reply.outcome !== 'done') return reply as Reply<typeof command>
      const answers = reply.answers.map((found, i) =>
        found.status === 'found'
          ? { status: 'amended', reservation: { ...found.reservation, cart: amends[i]!.cart } }
          : found,
      )
      return { ...reply, answers } as unknown as Reply<typeof command>
    },
  }))
}

test.each<[string, () => Engine, RegExp]>([
  [
    'sells to a buyer for another household',
    () =>
      tampered((command, op, answer) => {
        if (command !== 'bind') return answer
        const { household } = op as Op<'bind'>
        return household === null ? answer : ({ status: 'bound', household } as typeof answer)
      }),
    /^u\d is of two households, h\d and h\d$/,
  ],
  [
    'ignores the limit of households',
    () =>
      withRules((skus) => skus.map((rule) => (rule.householdLimit ? { ...rule, householdLimit: 99 } : rule))),
    /^household h\d [ab]: \d units, the limit is \d$/,
  ],
  [
    'sells units again that came back',
    () => withRules((skus) => skus.map(({ returnsTo: _, ...rule }) => rule)),
    /^a: \d units, and all but \d became units of another SKU$/,
  ],
  [
    'keeps units that have left',
    () => misled((command, op) => (command === 'refund' ? { ...op, restock: true } : op)),
    /^there are \d+ units of all SKUs in place of \d+$/,
  ],
  ['answers an amend that it has not made', answeringAmends, /^r1 has 1 a, and was told 1 b$/],
  [
    'makes another amend than it was asked for',
    () => misled((command, op) => (command === 'amend' ? { ...op, cart: [[0, 1]] } : op)),
    /^r1 was amended, and has another cart$/,
  ],
])('an engine that %s is caught', async (_, makeEngine, rule) => {
  const reserve = (buyer: string, household?: string): Step => {
    const items = [{ sku: 'a', quantity: 1 }]
    return { do: 'reserve', buyer, items, key: undefined, holdMs: 60_000, household }
  }
  const settle = (what: 'confirm' | 'release' | 'refund', which: number): Step => {
    return { do: what, which, restock: false }
  }
  const story: Story = {
    stock: { a: 6, b: 1 },
    limit: undefined,
    households: { limit: 2, of: { u1: 'h1', u2: 'h1', u3: 'h1' } },
    returnsTo: { a: 'b' },
    groups: [
      [reserve('u1')],
      [reserve('u1', 'h2'), reserve('u2'), reserve('u3'), reserve('u4')],
      [{ do: 'amend', which: 0, items: [{ sku: 'b', quantity: 1 }] }],
      [settle('release', 0)],
      [settle('confirm', 1)],
      [settle('refund', 1)],
    ],
  }
  const played = async (engine: Engine) => {
    const sale = new FlashSale('story', { engine, deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    return playStory([sale], story)
  }
  await played(memoryEngine())
  await expect(played(makeEngine())).rejects.toMatchObject({
    name: 'InvariantViolation',
    rule: expect.stringMatching(rule),
    transcript: expect.stringContaining(
      'a sale of 6 a and 1 b, where a comes back as b, no limit, and 2 for one household (u1 of h1, u2 of h1, u3 of h1)',
    ),
  })
})

test('a stock count that came too late changes nothing, however often it is sent', async () => {
  let superseded = 0
  const late = withPartitions(memoryEngine(), (port) => ({
    async run(command, ops, call) {
      const isLate = (op: object) => command === 'setTotal' && (op as Op<'setTotal'>).key === 'late'
      const asked = ops.map((op) => (isLate(op) ? { ...op, countedAt: 1_000 } : op)) as typeof ops
      const reply = await port.run(command, asked, call)
      if (reply.outcome === 'done')
        superseded += reply.answers.filter(({ status }) => status === 'superseded').length
      return reply
    },
  }))
  const sale = new FlashSale('late-count', { engine: late, deadlineMs: 60_000 })
  onTestFinished(() => sale.close())
  const count = (total: number, key: string): Step => ({ do: 'setTotal', sku: 'a', total, key })
  const groups = [[count(5, 'c1')], [count(3, 'late')], [count(3, 'late')]]
  await playStory([sale], { stock: { a: 4 }, limit: undefined, groups })
  expect(superseded).toBe(2)
})

/** The scripts of these are altered, and what `checkNoOversell` says of each. */
const injected = new Map<string, RegExp>([
  ['an amend takes what is not there', /^[ab]: a count is negative|units are promised/],
  ['an amend ignores the limit', /the limit is \d$|has more than \d$/],
  ['an amend keeps what is dropped', /^the audit found: .*held is/],
  ['a part that is not restocked leaves the total as it was', /^[ab]: the parts do not add up/],
  ['a stock count takes units that are held', /^[ab]: a count is negative/],
  ['a move that is sent again moves again', /^move m\d was carried out twice$/],
  ['a move leaves the total of the SKU as it was', /^[ab]: the parts do not add up/],
])

const finds = new FirstFinds('testing', [...injected.keys()])

/**
 * Plays ten stories of each seed until one breaks the rule. To look for the smallest story would
 * take most of the time.
 */
async function search(bug: string, makeEngine: () => Engine): Promise<string | undefined> {
  const before = finds.of(bug)
  for (let at = before; at < before + 30; at++) {
    const broken = new AbortController()
    const onProgress = ({ shrinks }: CheckProgress) => shrinks > 0 && broken.abort()
    const options = { runs: 10, seed: at + 1, onProgress, signal: broken.signal }
    const failure = await checkNoOversell(makeEngine, options).catch((error) => error)
    if (!(failure instanceof Error)) continue
    if (!(failure instanceof InvariantViolation)) throw failure
    if (!injected.get(bug)!.test(failure.rule)) continue
    finds.found(bug, at)
    return failure.rule
  }
  return undefined
}

test.each(mutants.filter(({ name }) => injected.has(name)))(
  'finds a bug injected into the scripts: $name',
  async ({ name, alterations }) => {
    const client = new Redis(redis.server.socket)
    onTestFinished(() => client.disconnect())
    const scripts = new AlteredScripts(client, alterations)
    scripts.expect(SERVER_TIME)
    expect(await search(name, () => redisEngine(client))).toMatch(injected.get(name)!)
    expect(scripts.runs).toBeGreaterThan(0)
  },
)

test('the random stories have households, of which one has two buyers, and units that come back as others', async () => {
  const stories = fc.sample(storyArbitrary<fc.Arbitrary<Story>>(fc), { numRuns: 50, seed: 1 })
  const shared = stories.filter(({ households }) => {
    const homes = Object.values(households?.of ?? {})
    return new Set(homes).size < homes.length
  })
  expect(shared.length).toBeGreaterThan(5)
  expect(stories.filter(({ returnsTo }) => returnsTo).length).toBeGreaterThan(5)
  const moves = stories.flatMap(({ groups }) =>
    groups.flat().filter((step) => 'household' in step && step.household),
  )
  expect(moves.length).toBeGreaterThan(5)
})

test('an engine that cannot be asked breaks no rule', async () => {
  const away = new StockholdError('UNAVAILABLE', 'gone')
  let left = 30
  const failing = tampered((_command, _op, answer) => {
    if (left-- < 0) throw away
    return answer
  })
  await expect(checkNoOversell(() => failing, { runs: 50, seed: 1 })).rejects.toMatchObject({
    name: 'StockholdError',
    code: 'UNAVAILABLE',
  })
})

test('progress is told, and a signal ends it', async () => {
  const told: CheckProgress[] = []
  const onProgress = (progress: CheckProgress) => void told.push(progress)
  const report = await checkNoOversell(() => memoryEngine(), { runs: 10, seed: 1, onProgress })
  expect(told.map(({ runs }) => runs)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  expect(told.at(-1)).toEqual({ runs: 10, commands: report.commands, shrinks: 0 })

  const abort = new AbortController()
  const { signal } = abort
  const stop = ({ runs }: CheckProgress) => runs === 3 && abort.abort(new Error('enough'))
  await expect(checkNoOversell(() => memoryEngine(), { runs: 10, onProgress: stop, signal })).rejects.toThrow(
    'enough',
  )
  expect(told).toHaveLength(10)

  told.length = 0
  await checkNoOversell(overselling, { runs: 50, seed: 1, onProgress }).catch(() => {})
  expect(told.at(-1)!.shrinks).toBeGreaterThan(0)
})

test.each([
  [
    'throws',
    () => {
      throw new Error('the callback throws')
    },
  ],
  ['rejects', () => Promise.reject(new Error('the callback rejects'))],
])('an onProgress that %s ends no check: a rule that is broken later is found', async (_, onProgress) => {
  const { runs } = await checkNoOversell(() => memoryEngine(), { runs: 10, seed: 1, onProgress })
  expect(runs).toBe(10)
  await expect(checkNoOversell(overselling, { runs: 50, seed: 1, onProgress })).rejects.toThrow(
    InvariantViolation,
  )
})

test('an onProgress that is no function is refused', async () => {
  const options = { onProgress: 'often' as never }
  await expect(checkNoOversell(() => memoryEngine(), options)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'onProgress must be a function',
  })
})

describe('for model tests of your own', () => {
  let sales = 0
  const open = (engine: Engine) => new FlashSale(`model-${++sales}`, { engine, deadlineMs: 60_000 })

  test('the stories and steps are arbitraries', async () => {
    const stories = storyArbitrary<fc.Arbitrary<Story>>(fc)
    const steps = stepArbitrary<fc.Arbitrary<Step>>(fc)
    const engine = memoryEngine()
    await fc.assert(
      fc.asyncProperty(stories, steps, async (story, step) => {
        await playStory([open(engine)], { ...story, groups: [...story.groups, [step]] })
      }),
      { numRuns: 20, seed: 1 },
    )
  })

  test('a story of your own, and the rule it breaks', async () => {
    const items = [{ sku: 'phone', quantity: 1 }]
    const reserve = (buyer: string): Step => ({ do: 'reserve', buyer, items, key: undefined, holdMs: 60_000 })
    const story: Story = { stock: { phone: 1 }, limit: 1, groups: [[reserve('ann'), reserve('bob')]] }
    await playStory([open(memoryEngine())], story)
    const failure = await playStory([open(overselling())], story).catch((error) => error)
    expect(failure).toBeInstanceOf(InvariantViolation)
    expect(failure.seed).toBeUndefined()
    expect(failure.transcript).toContain(
      'a sale of 1 phone, at most 1 of each for one buyer\nat the same time:\n',
    )
  })
})

test('the entry point exports what tests of an application need, and nothing else', async () => {
  expect(Object.keys(await import('../../src/testing.js')).sort()).toEqual([
    'InvariantViolation',
    'MissingDependencyError',
    'checkNoOversell',
    'faultyRedis',
    'playStory',
    'stepArbitrary',
    'storyArbitrary',
    'virtualEngine',
  ])
})

test('an answer that is lost on the way to a checkout', async () => {
  await using proxy = await faultyRedis(redis.url)
  const through = new Redis(proxy.url)
  through.on('error', () => {})
  onTestFinished(() => through.disconnect())
  const sale = new FlashSale('lost-answer', { engine: redisEngine(through), deadlineMs: 60_000 })
  await sale.create({ stock: { a: 1 } })
  const order = { buyer: 'u-1', items: [{ sku: 'a', quantity: 1 }], key: 'c-1' }
  proxy.dropReplies({ times: 1 })
  const first = await sale.reserve(order).catch((error) => error.code)
  if (first === 'UNKNOWN_OUTCOME') expect(await sale.reserve(order)).toMatchObject({ replayed: true })
  expect((await sale.stats()).skus.a).toMatchObject({ available: 0, held: 1 })
})

test('nothing but checkNoOversell needs fast-check', async () => {
  const outfile = `${root}node_modules/.cache/stockhold/testing-${process.pid}.mjs`
  await build({
    stdin: {
      contents: `
        import { checkNoOversell, faultyRedis, playStory, virtualEngine } from './src/testing.ts'
        const { close } = await faultyRedis('redis://127.0.0.1:1')
        const { engine, advance } = virtualEngine()
        console.log(await advance(1), await checkNoOversell(() => engine).catch(String))
        process.exit(0)`,
      resolveDir: root,
      loader: 'ts',
    },
    ...{ outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'error' },
    loader: { '.lua': 'text' },
  })
  onTestFinished(() => rm(outfile, { force: true }))
  const { stdout } = await promisify(execFile)(process.execPath, [WITHOUT_FAST_CHECK, outfile])
  expect(stdout).toContain(
    'undefined MissingDependencyError: fast-check is needed for this: npm install --save-dev fast-check',
  )
})

test('bad arguments are refused', async () => {
  const code = 'INVALID_ARGUMENT'
  await expect(checkNoOversell(undefined as never)).rejects.toMatchObject({ code })
  await expect(checkNoOversell(() => memoryEngine(), { runs: 0 })).rejects.toMatchObject({ code })
  await expect(checkNoOversell(() => memoryEngine(), { seed: 0.5 })).rejects.toMatchObject({ code })
})
