import { Invariants } from '../scripts/lib/load/invariants.js'
import { BenchSale } from '../scripts/lib/load/sale.js'
import { ServerMeter } from '../scripts/lib/load/server-meter.js'
import type { Engine } from '../src/index.js'
import { Block, grow, type Use, useBetween } from './load/blocks.js'
import { openEngine } from './load/engine.js'
import { figureOf, median, rounded } from './load/figures.js'
import type { Context, Figure, Part, PartResult } from './part.js'

/** Sizes of sales that are measured many at a time, since a single one would be noise. */
const SMALL = [1_000, 10_000] as const
/** Steps in which one large sale grows. */
const STEPS = 10

/**
 * What the latest reservations used up to a size of the sale; `bytes` is the mean of all
 * reservations.
 */
interface Step extends Use {
  readonly size: number
}

export const part: Part = {
  name: 'memory',
  question: 'How much memory and server time does the thousandth reservation take, and the millionth?',
  run: measure,
}

async function measure(context: Context): Promise<PartResult> {
  const largest = context.quick ? 100_000 : 1_000_000
  const { url } = await context.redis()
  const engine = await openEngine(context, url)
  const meter = new ServerMeter(url)
  const invariants = new Invariants()
  const block = new Block(engine, meter, invariants)
  try {
    await meter.settled()
    await block.fill(20, SMALL[0]) // warms up: Redis loads the scripts and sizes its buffers
    const { large, small } = await growth(context, engine, meter, block, largest, invariants)
    const perBuyer: [number, Use][] = []
    for (const each of [1, 2, 5, 10]) {
      context.progress.update('several reservations a buyer', perBuyer.length, 4, 'sizes')
      perBuyer.push([each, await block.fill(1, largest / 10, { perBuyer: each })])
    }
    return report(small, large, perBuyer, invariants)
  } finally {
    meter.close()
    await engine.close()
  }
}

/**
 * Blocks of small sales are measured between the steps of the second half, when the sale is large,
 * so that all have the same load on the machine.
 */
async function growth(
  context: Context,
  engine: Engine,
  meter: ServerMeter,
  block: Block,
  largest: number,
  invariants: Invariants,
): Promise<{ large: Step[]; small: Use[][] }> {
  const large: Step[] = []
  const small: Use[][] = SMALL.map(() => [])
  const empty = await meter.read()
  const sale = await BenchSale.open(engine, 'growing')
  let bytes = (await meter.read()).memory - empty.memory
  const inBlock = context.quick ? 20_000 : 50_000
  for (let step = 1; step <= STEPS; step++) {
    const size = (largest / STEPS) * step
    context.progress.update('a growing sale', sale.held, largest, 'reservations')
    const before = await meter.read()
    await grow(sale, size)
    const after = await meter.read()
    bytes += after.memory - before.memory
    large.push({ ...useBetween(before, after, largest / STEPS), bytes: bytes / size, size })
    if (step <= STEPS / 2) continue
    for (const [i, each] of SMALL.entries()) small[i]!.push(await block.fill(inBlock / each, each))
  }
  await sale.finish(invariants)
  return { large, small }
}

function report(
  small: readonly (readonly Use[])[],
  large: readonly Step[],
  perBuyer: readonly (readonly [number, Use])[],
  invariants: Invariants,
): PartResult {
  const late = large.slice(-STEPS / 2)
  const largest = large.at(-1)!
  const size = largest.size.toLocaleString('en-US')
  const smallSteps = small.map((uses, i) => ({ ...medianOf(uses), size: SMALL[i]! }))
  const steps = [...smallSteps, ...large.filter(({ size }) => size > SMALL.at(-1)!)]
  const x = { label: 'reservations in the sale', values: steps.map(({ size }) => size), log: true }
  return {
    figures: [
      {
        id: 'memory.bytes',
        label: `bytes a reservation, all in, at ${size}`,
        unit: 'bytes',
        value: largest.bytes,
        better: 'lower',
      },
      growthFigure('memory.cpu-growth', `server CPU per reservation at ${size} : at 1,000`, late, small[0]!),
      growthFigure(
        'memory.cpu-growth-10000',
        `server CPU per reservation at ${size} : at 10,000`,
        late,
        small[1]!,
      ),
      figureOf(
        late.map(({ cpuMicroseconds }) => cpuMicroseconds),
        {
          id: 'memory.cpu',
          label: 'server CPU per reservation in a large sale',
          unit: 'µs',
          better: 'lower',
        },
      ),
    ],
    tables: [
      {
        title: 'A growing sale: keys of 24, buyers of 12 characters; everything the server keeps is counted',
        columns: ['reservations', 'bytes each', 'server µs each', 'reservations a call'],
        rows: steps.map(({ size, bytes, cpuMicroseconds, perCall }) => [
          size,
          rounded(bytes, 1),
          rounded(cpuMicroseconds, 2),
          Math.round(perCall),
        ]),
      },
      {
        title: `Several reservations a buyer, ${perBuyer[0]![1].reservations.toLocaleString('en-US')} in all`,
        columns: ['reservations a buyer', 'bytes a reservation', 'bytes a buyer', 'server µs each'],
        rows: perBuyer.map(([each, { bytes, cpuMicroseconds }]) => [
          each,
          rounded(bytes, 1),
          rounded(bytes * each, 1),
          rounded(cpuMicroseconds, 2),
        ]),
      },
    ],
    charts: [
      {
        kind: 'lines',
        title: 'Memory of a reservation by the size of the sale',
        x,
        y: { label: 'bytes each' },
        series: [{ label: 'all in', values: steps.map(({ bytes }) => bytes) }],
      },
      {
        kind: 'lines',
        title: 'Server time of a reservation by the size of the sale',
        x,
        y: { label: 'µs each' },
        series: [{ label: 'reserve', values: steps.map(({ cpuMicroseconds }) => cpuMicroseconds) }],
      },
    ],
    invariants: invariants.list(),
  }
}

/**
 * Takes the whole second half, so that the one doubling of the hash table of Redis counts in every
 * figure.
 */
function growthFigure(id: string, label: string, late: readonly Use[], small: readonly Use[]): Figure {
  const cpu = (uses: readonly Use[]) => uses.reduce((sum, { cpuMicroseconds }) => sum + cpuMicroseconds, 0)
  const ratios = late.map(({ cpuMicroseconds }, i) => cpuMicroseconds / small[i]!.cpuMicroseconds)
  return {
    id,
    label,
    unit: 'ratio',
    value: cpu(late) / cpu(small),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    better: 'lower',
  }
}

function medianOf(uses: readonly Use[]): Use {
  const of = (field: keyof Use) => median(uses.map((use) => use[field]))
  return {
    reservations: of('reservations'),
    bytes: of('bytes'),
    cpuMicroseconds: of('cpuMicroseconds'),
    perCall: of('perCall'),
  }
}
