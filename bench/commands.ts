import { Redis } from 'ioredis'
import { Bench } from 'tinybench'
import { Invariants } from '../scripts/lib/load/invariants.js'
import type { LineChart } from '../scripts/lib/report/charts.js'
import type { Table } from '../src/cli/terminal/table.js'
import type { Answer, Command } from '../src/engine/engine.js'
import { memoryEngine, redisEngine } from '../src/index.js'
import { partitionKeys } from '../src/redis-engine/keys.js'
import { type Recipe, recipes } from './commands/recipes.js'
import { type TestEngine, Workbench } from './commands/workbench.js'
import { figureOf, median } from './load/figures.js'
import type { Context, Figure, Part, PartResult } from './part.js'

interface Sizes {
  readonly batches: readonly number[]
  readonly passes: number
  /** Measured time of each batch size in each pass. */
  readonly milliseconds: number
}

/** The size at which commands are compared: the most that a `FlashSale` puts into one call. */
const COMPARED = 256

export const part: Part = {
  name: 'commands',
  question: 'What does each command cost, and what does a batch save?',
  run: (context) =>
    measure(
      context,
      context.quick
        ? { batches: [1, 16, COMPARED], passes: 1, milliseconds: 15 }
        : { batches: [1, 2, 4, 8, 16, 32, 64, 128, COMPARED, 512], passes: 3, milliseconds: 25 },
    ),
}

/** Operations a second by batch size, one value for each pass. */
type Curve = ReadonlyMap<number, readonly number[]>

interface Measured {
  readonly engine: TestEngine['name']
  readonly command: string
  readonly recipe: Recipe<Command>
  readonly curve: Curve
}

const all = Object.entries(recipes) as unknown as [Command, Recipe<Command>][]

async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const client = new Redis((await context.redis()).url)
  const prefix = context.prefix()
  const invariants = new Invariants()
  const measured: Measured[] = []
  try {
    for (const [index, [command, recipe]] of all.entries()) {
      for (const under of [inMemory(), inRedis(client, prefix)]) {
        const done = 2 * index + (under.name === 'redis' ? 1 : 0)
        context.progress.update(`${command} on the ${under.name} engine`, done, 2 * all.length, 'commands')
        const bench = await Workbench.open(under, command)
        const curve = await curveOf(bench, command, recipe, sizes)
        await check(bench, `${command} on the ${under.name} engine`, invariants)
        await client.del(partitionKeys(prefix, command, 0, 1))
        measured.push({ engine: under.name, command, recipe, curve })
      }
    }
  } finally {
    client.disconnect()
  }
  return report(measured, sizes.batches, invariants)
}

/** With a clock of its own, so that a hold expires without a wait. */
function inMemory(): TestEngine {
  let ahead = 0
  const wait = async (ms: number) => {
    ahead += ms
  }
  return { name: 'memory', engine: memoryEngine({ now: () => Date.now() + ahead }), wait }
}

function inRedis(client: Redis, prefix: string): TestEngine {
  const wait = async (ms: number) => {
    const until = performance.now() + ms
    // By asking the server: a timer would add a millisecond or two to each of thousands of calls.
    while (performance.now() < until) await client.ping()
  }
  return { name: 'redis', engine: redisEngine(client, { prefix }), wait }
}

async function curveOf(
  bench: Workbench,
  command: Command,
  recipe: Recipe<Command>,
  { batches, passes, milliseconds }: Sizes,
): Promise<Curve> {
  const rates = new Map<number, number[]>()
  for (let pass = 0; pass < passes; pass++) {
    for (const size of recipe.batches ? batches : [1]) {
      const rate = await rateOf(bench, command, recipe, size, milliseconds)
      rates.set(size, [...(rates.get(size) ?? []), rate])
    }
  }
  return rates
}

/**
 * One call after another. The next call is prepared after the answers were checked, and only the
 * call is timed.
 */
async function rateOf(
  bench: Workbench,
  command: Command,
  recipe: Recipe<Command>,
  size: number,
  time: number,
): Promise<number> {
  let ops: Awaited<ReturnType<typeof recipe.prepare>> = []
  let answers: readonly Answer<Command>[] = []
  let operations = 0
  const clock = { timestampProvider: 'hrtimeNow', throws: true } as const
  const timed = new Bench({ ...clock, time, iterations: 5, warmupTime: time / 5, warmupIterations: 2 })
  const call = async () => {
    answers = await bench.run(command, ops)
  }
  timed.add(command, call, {
    async: true,
    beforeEach: async () => {
      ops = await recipe.prepare(bench, size)
    },
    afterEach: (mode) => {
      const done = recipe.done(answers, size)
      if (done === undefined) throw new Error(`${command} answered ${JSON.stringify(answers.slice(0, 2))}`)
      if (mode === 'run') operations += done
    },
  })
  const [task] = await timed.run()
  if (task?.result.state !== 'completed') throw new Error(`${command}: ${task?.result.state}`)
  const { mean, samplesCount } = task.result.latency
  return (operations * 1_000) / (mean * samplesCount)
}

async function check(bench: Workbench, name: string, invariants: Invariants): Promise<void> {
  const { ok, violations } = await bench.audit()
  invariants.check(
    'the audit after each command finds no violation',
    ok,
    `${name}: ${violations[0]?.message}`,
  )
}

function report(
  measured: readonly Measured[],
  batches: readonly number[],
  invariants: Invariants,
): PartResult {
  const engines = ['memory', 'redis'] as const
  const of = (name: string) => measured.filter(({ engine }) => engine === name)
  return {
    figures: measured.map(figure),
    tables: engines.map((name) => table(name, of(name), batches)),
    charts: engines.map((name) => chart(name, of(name), batches)),
    invariants: invariants.list(),
  }
}

function figure({ engine, command, recipe, curve }: Measured): Figure {
  return figureOf(curve.get(recipe.batches ? COMPARED : 1)!, {
    id: `commands.${engine}.${command}`,
    label: `${command}, ${engine} engine: ${recipe.counts}${recipe.batches ? `, batches of ${COMPARED}` : ''}`,
    unit: '/s',
    better: 'higher',
  })
}

/** `null` where a command is not called with this batch size. */
const at = (curve: Curve, size: number) => {
  const rates = curve.get(size)
  return rates ? Math.round(median(rates)) : null
}

function table(engine: string, measured: readonly Measured[], batches: readonly number[]): Table {
  return {
    title: `Operations a second by batch size, ${engine} engine, one call at a time`,
    columns: ['command', 'counted', ...batches.map(String)],
    rows: measured.map(({ command, recipe, curve }) => [
      command,
      recipe.counts,
      ...batches.map((size) => at(curve, size) ?? ''),
    ]),
  }
}

function chart(engine: string, measured: readonly Measured[], batches: readonly number[]): LineChart {
  return {
    kind: 'lines',
    title: `What a batch saves, ${engine} engine`,
    x: { label: 'batch size', values: batches, log: true },
    y: { label: 'operations/s', log: true },
    series: measured
      .filter(({ recipe }) => recipe.batches)
      .map(({ command, curve }) => ({ label: command, values: batches.map((size) => at(curve, size)) })),
  }
}
