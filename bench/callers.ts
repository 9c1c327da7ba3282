/**
 * How cheap is a call, from a lone caller to thousands? The library beside one EVALSHA for each
 * request, as ioredis sends it and with the writes of a turn corked together.
 *
 * Each round sells the same number of reservations in each way, and then confirms all of them; the
 * ways take turns in another order each time, and ratios are taken within a round. The processes
 * that sell do nothing else. At the largest number of callers another process has a larger young
 * generation (`--max-semi-space-size`).
 */
import { Invariants } from '../scripts/lib/load/invariants.js'
import { ServerMeter } from '../scripts/lib/load/server-meter.js'
import { type Measured, type Round, report, type Seller, sellers } from './callers/report.js'
import type { CallersAnswer, CallersSetting, CallersTask } from './callers/worker.js'
import { TaskProcess } from './load/task-process.js'
import type { Context, Part, PartResult } from './part.js'

export interface Sizes {
  readonly rounds: number
  /** The numbers of callers, and the reservations of a round with each. */
  readonly counts: readonly (readonly [callers: number, count: number])[]
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
}

type Process = TaskProcess<CallersTask, CallersAnswer>

export async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const { url, own } = await context.redis()
  const setting: CallersSetting = { url, prefix: context.prefix() }
  const meter = new ServerMeter(url)
  const invariants = new Invariants()
  const open = (flags: readonly string[]): Promise<Process> =>
    TaskProcess.open('callers/worker.ts', setting, { flags })
  const processes = await Promise.all([open([]), open([SEMI_SPACE])])
  const [usual, roomy] = processes as [Process, Process]
  let sales = 0
  const sell = async ({ way, larger }: Seller, callers: number, count: number, audit: boolean) => {
    const task = { way, callers, count, audit, sale: `callers-${++sales}` }
    const answer = await (larger ? roomy : usual).run(task)
    invariants.add(answer.invariants)
    if (own) {
      // The sales of earlier rounds would make later rounds slower.
      await meter.client.flushall('ASYNC')
      await meter.settled()
    }
    return answer
  }
  try {
    const most = Math.max(...sizes.counts.map(([callers]) => callers))
    const [, warmUp] = sizes.counts.at(-1)!
    for (const seller of sellers) await sell(seller, most, Math.min(warmUp, 20_000), false)
    const measured: Measured = new Map()
    const total = sizes.rounds * sizes.counts.length
    for (const [i, [callers, count]] of sizes.counts.entries()) {
      const known = sellers.filter(({ larger }) => !larger || callers === most)
      const rounds: Round[] = []
      for (let round = 0; round < sizes.rounds; round++) {
        context.progress.update(`${callers} callers`, i * sizes.rounds + round, total, 'rounds')
        const answers: Record<string, CallersAnswer> = {}
        for (let turn = 0; turn < known.length; turn++) {
          const seller = known[(round + turn) % known.length]!
          answers[seller.name] = await sell(seller, callers, count, round === sizes.rounds - 1)
        }
        rounds.push(answers)
      }
      measured.set(callers, rounds)
    }
    return report(measured, invariants)
  } finally {
    for (const process of processes) process.stop()
    meter.close()
  }
}
