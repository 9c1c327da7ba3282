/**
 * How cheap is a call, from a lone caller to thousands? The library beside one EVALSHA for each
 * request, as ioredis sends it and with the writes of a turn corked together.
 *
 * Each round sells the same number of reservations in each way, and then confirms all of them; the
 * ways take turns in another order each time, and ratios are taken within a round. The processes
 * that sell do nothing else. Two more, which began at the same time, show what a larger young
 * generation of V8 brings (`--max-semi-space-size`).
 */
import { Invariants } from '../scripts/lib/load/invariants.js'
import { ServerMeter } from '../scripts/lib/load/server-meter.js'
import { counted } from '../src/cli/terminal/format.js'
import { type Measured, type Round, report, sellers, type YoungRound } from './callers/report.js'
import type { CallersAnswer, CallersSetting, CallersTask } from './callers/worker.js'
import { TaskProcess } from './load/task-process.js'
import type { Context, Part, PartResult } from './part.js'

export interface Sizes {
  readonly rounds: number
  /** The numbers of callers, and the reservations of a round with each. */
  readonly counts: readonly (readonly [callers: number, count: number])[]
  /** The same for the two processes with young generations of different sizes. */
  readonly young: readonly [callers: number, count: number]
}

/** MiB of each half of the young generation in which V8 collects garbage; 16 by default. */
const SEMI_SPACE = '--max-semi-space-size=64'

export const part: Part = {
  name: 'callers',
  question: 'What does a call cost with few callers and with many, beside a plain script for each?',
  run: (context) => measure(context, context.quick ? quick : long),
}

const long: Sizes = {
  rounds: 5,
  counts: [1, 2, 4, 8, 16, 32, 64, 128, 512, 2_000].map(
    (callers) => [callers, callers <= 2 ? 4_000 : callers <= 16 ? 12_000 : 60_000] as const,
  ),
  young: [2_000, 100_000],
}

const quick: Sizes = {
  rounds: 3,
  counts: [
    [1, 1_500],
    [8, 4_000],
    [64, 6_000],
    [512, 10_000],
    [2_000, 12_000],
  ],
  young: [2_000, 12_000],
}

export async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const bench = await CallersBench.open(context)
  try {
    const measured = await beside(context, bench, sizes)
    const young = await withMoreSpace(context, bench, sizes)
    return report(measured, young, sizes.young[0], bench.invariants)
  } finally {
    bench.close()
  }
}

async function beside({ progress }: Context, bench: CallersBench, sizes: Sizes): Promise<Measured> {
  const process = await bench.start([])
  const total = sizes.rounds * sizes.counts.length
  // A lone call and a full batch take different ways through the library: both warm up.
  for (const demand of [sizes.counts.at(-1)!, sizes.counts[0]!])
    for (const { name: way } of sellers) await bench.sell(process, { way, audit: false }, demand)
  const measured: Measured = new Map()
  for (const [i, demand] of sizes.counts.entries()) {
    const [callers] = demand
    const rounds: Round[] = []
    for (let round = 0; round < sizes.rounds; round++) {
      progress.update(counted(callers, 'caller'), i * sizes.rounds + round, total, 'rounds')
      const audit = round === sizes.rounds - 1
      const answers = await inTurn(round, sellers, ({ name: way }) =>
        bench.sell(process, { way, audit }, demand),
      )
      rounds.push(answers as Round)
    }
    measured.set(callers, rounds)
  }
  return measured
}

async function withMoreSpace(
  { progress }: Context,
  bench: CallersBench,
  sizes: Sizes,
): Promise<YoungRound[]> {
  const pair = [
    { name: 'usual', process: await bench.start([]) },
    { name: 'larger', process: await bench.start([SEMI_SPACE]) },
  ]
  const rounds: YoungRound[] = []
  // The first round warms up.
  for (let round = 0; round <= sizes.rounds; round++) {
    progress.update(SEMI_SPACE, round, sizes.rounds + 1, 'rounds')
    const sold = { way: 'stockhold', audit: false } as const
    const answers = await inTurn(round, pair, ({ process }) => bench.sell(process, sold, sizes.young))
    if (round > 0) rounds.push(answers as unknown as YoungRound)
  }
  return rounds
}

/** Each one's answer by its name; another one begins in each round. */
async function inTurn<T extends { readonly name: string }>(
  round: number,
  all: readonly T[],
  run: (one: T) => Promise<CallersAnswer>,
): Promise<Record<string, CallersAnswer>> {
  const answers: Record<string, CallersAnswer> = {}
  for (let turn = 0; turn < all.length; turn++) {
    const one = all[(round + turn) % all.length]!
    answers[one.name] = await run(one)
  }
  return answers
}

type Process = TaskProcess<CallersTask, CallersAnswer>

/** The server, and the processes that sell there; {@link close} ends all of them. */
class CallersBench {
  readonly invariants = new Invariants()
  readonly #setting: CallersSetting
  readonly #isOwn: boolean
  readonly #meter: ServerMeter
  readonly #processes: Process[] = []
  #sales = 0

  private constructor(setting: CallersSetting, isOwn: boolean) {
    this.#setting = setting
    this.#isOwn = isOwn
    this.#meter = new ServerMeter(setting.url)
  }

  static async open(context: Context): Promise<CallersBench> {
    const { url, own } = await context.redis()
    return new CallersBench({ url, prefix: context.prefix() }, own)
  }

  async start(flags: readonly string[]): Promise<Process> {
    const process: Process = await TaskProcess.open('callers/worker.ts', this.#setting, { flags })
    this.#processes.push(process)
    return process
  }

  async sell(
    process: Process,
    how: Pick<CallersTask, 'way' | 'audit'>,
    [callers, count]: readonly [callers: number, count: number],
  ): Promise<CallersAnswer> {
    const answer = await process.run({ ...how, callers, count, sale: `callers-${++this.#sales}` })
    this.invariants.add(answer.invariants)
    if (this.#isOwn) {
      // The sales of earlier rounds would make later rounds slower.
      await this.#meter.client.flushall('ASYNC')
      await this.#meter.settled()
    }
    return answer
  }

  close(): void {
    for (const process of this.#processes) process.stop()
    this.#meter.close()
  }
}
