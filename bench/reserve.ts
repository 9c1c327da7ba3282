/**
 * The cost of one reservation beside one EVALSHA for each: `npm run bench:reserve`.
 *
 * One Node process, one Redis over TCP on loopback. Rounds of both alternate, and ratios are taken
 * between neighbours. Then 1,000,000 reservations: the memory of Redis and its CPU for each.
 */
import { Redis } from 'ioredis'
import { closedLoop, type Work } from '../scripts/lib/load/drive.js'
import { allAccepted, Invariants, invariantLines } from '../scripts/lib/load/invariants.js'
import { BenchSale, buyerName, CALLERS, keyName, SKU } from '../scripts/lib/load/sale.js'
import { ServerMeter } from '../scripts/lib/load/server-meter.js'
import { runTool, type ToolContext } from '../scripts/lib/run-tool.js'
import { startRedis } from '../scripts/lib/servers/redis/server.js'
import { type Progress, ProgressLine } from '../scripts/lib/terminal/progress-line.js'
import { counted } from '../src/cli/terminal/format.js'
import type { Table } from '../src/cli/terminal/table.js'
import { terminalTable } from '../src/cli/terminal/table.js'
import { parseOptions } from '../src/cli/tool-options.js'
import { type Engine, redisEngine } from '../src/index.js'
import { median, rounded } from './load/figures.js'
import { SingleEvalsha } from './peers/single-evalsha.js'

interface Sizes {
  readonly rounds: number
  /** Reservations of each round. */
  readonly count: number
  /** Sizes of the growing sale. */
  readonly steps: readonly number[]
}

const long: Sizes = { rounds: 7, count: 200_000, steps: [1_000, 10_000, 100_000, 1_000_000] }
const quick: Sizes = { rounds: 3, count: 50_000, steps: [1_000, 10_000, 100_000] }

const help = `Compares one reservation with one EVALSHA for each, and measures its memory and its CPU of Redis.

  npm run bench:reserve               seven rounds, and a sale of a million reservations
  npm run bench:reserve -- --quick    three smaller rounds, and a sale of 100,000

The exit code is 0 if every invariant held, 1 if one did not, 2 for a wrong option.`

await runTool({
  command: 'npm run bench:reserve',
  help,
  readOptions: (args) => (parseOptions(args, { flags: ['quick'] }).values.quick ? quick : long),
  run,
})

async function run(sizes: Sizes, { terminal, width }: ToolContext): Promise<number> {
  const server = await startRedis()
  const client = new Redis(server.url)
  const meter = new ServerMeter(server.url)
  const progress = new ProgressLine('bench:reserve', terminal, process.stdout)
  const invariants = new Invariants()
  try {
    const engine = redisEngine(client)
    const speed = await compareSpeed(sizes, engine, client, progress, invariants)
    const growth = await measureGrowth(sizes, engine, meter, progress, invariants)
    progress.stop()
    const tables = [speed, growth].flatMap((table) => [...terminalTable(table, width(), terminal.paint), ''])
    const list = invariants.list()
    console.log([...tables, ...invariantLines(list, width(), terminal.paint)].join('\n'))
    return list.every(({ holds }) => holds) ? 0 : 1
  } finally {
    progress.stop()
    meter.close()
    client.disconnect()
    await server.stop()
  }
}

async function compareSpeed(
  { rounds, count }: Sizes,
  engine: Engine,
  client: Redis,
  progress: Progress,
  invariants: Invariants,
): Promise<Table> {
  const rateOf = async (work: Work) => {
    const tally = await closedLoop({ callers: CALLERS, limit: { count }, work })
    allAccepted(tally, invariants)
    return tally.accepted / tally.seconds
  }
  const rates: [ours: number, theirs: number][] = []
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    progress.update('stockhold and one EVALSHA each', round, rounds + 1, 'rounds')
    await client.flushall()
    const sale = await BenchSale.open(engine, `bench-${round}`, { stock: { [SKU]: count } })
    const ours = await rateOf(sale.reserve)
    await sale.finish(invariants)
    const peer = new SingleEvalsha(client, `peer-${round}`)
    await peer.create(SKU, count)
    const theirs = await rateOf(async (n) =>
      (await peer.reserve(buyerName(n), keyName(n), SKU)) ? 'accepted' : 'refused',
    )
    invariants.check('the peer has sold all of its units', (await peer.available(SKU)) === 0)
    if (round > 0) rates.push([ours, theirs])
  }
  const ratio = median(rates.map(([ours, theirs]) => ours / theirs))
  return {
    title: `${counted(CALLERS, 'caller')}, ${counted(count, 'reservation')} a round; ratio ${ratio.toFixed(2)} (target: at least 3)`,
    columns: ['round', 'stockhold/s', 'one EVALSHA each/s', 'ratio'],
    rows: rates.map(([ours, theirs], i) => [
      ...[i + 1, Math.round(ours), Math.round(theirs), rounded(ours / theirs, 2)],
    ]),
  }
}

async function measureGrowth(
  { steps }: Sizes,
  engine: Engine,
  meter: ServerMeter,
  progress: Progress,
  invariants: Invariants,
): Promise<Table> {
  await meter.client.flushall()
  const units = steps.at(-1)!
  const sale = await BenchSale.open(engine, 'bench-growth', { stock: { [SKU]: units } })
  const empty = await meter.read()
  const rows: number[][] = []
  for (const size of steps) {
    progress.update('a growing sale', sale.held, units, 'reservations')
    const first = sale.held
    const count = size - first
    const before = await meter.read()
    allAccepted(
      await closedLoop({ callers: CALLERS, limit: { count }, first, work: sale.reserve }),
      invariants,
    )
    const after = await meter.read()
    rows.push([
      size,
      rounded((after.memory - empty.memory) / size, 1),
      rounded(((after.cpu - before.cpu) * 1e6) / count, 2),
    ])
  }
  await sale.finish(invariants)
  return {
    title: 'A growing sale: keys of 24, buyers of 12 characters (target: at most 150 bytes, and flat CPU)',
    columns: ['reservations', 'bytes each', 'server µs each'],
    rows,
  }
}
