import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { Redis } from 'ioredis'
import { Invariants } from '../scripts/lib/load/invariants.js'
import type { Engine } from '../src/index.js'
import { openEngine } from './load/engine.js'
import { figureOf, median, rounded } from './load/figures.js'
import { reserveRound } from './load/reserve-round.js'
import type { Context, Part, PartResult } from './part.js'

interface Mode {
  readonly name: string
  readonly config: Record<string, string>
}

const MODES: readonly Mode[] = [
  { name: 'off', config: { appendonly: 'no' } },
  { name: 'everysec', config: { appendonly: 'yes', appendfsync: 'everysec' } },
  { name: 'always', config: { appendonly: 'yes', appendfsync: 'always' } },
]

interface Server extends Mode {
  readonly engine: Engine
  readonly rates: number[]
}

export const part: Part = {
  name: 'durability',
  question: 'What does it cost to have every reservation on disk before it is acknowledged?',
  run: measure,
}

/**
 * One server for each way of writing to disk. Their rounds alternate, in another order each time;
 * ratios are taken within a round.
 */
async function measure(context: Context): Promise<PartResult> {
  const rounds = context.quick ? 3 : 7
  const seconds = context.quick ? 0.4 : 1
  const invariants = new Invariants()
  const servers: Server[] = []
  let fsyncMs: number | undefined
  try {
    for (const mode of MODES) {
      const { url } = await context.ownRedis(mode.config)
      fsyncMs = await inspect(url, mode, invariants)
      servers.push({ ...mode, engine: await openEngine(context, url), rates: [] })
    }
    for (let round = 0; round <= rounds; round++) {
      context.progress.update(MODES.map(({ name }) => name).join(', '), round, rounds + 1, 'rounds')
      for (let i = 0; i < servers.length; i++) {
        const { engine, rates } = servers[(round + i) % servers.length]!
        const rate = await reserveRound(engine, `round-${round}`, { seconds }, invariants, round === rounds)
        if (round > 0) rates.push(rate) // the first round warms up
      }
    }
  } finally {
    for (const { engine } of servers) await engine.close()
  }
  return report(servers, fsyncMs, invariants)
}

/**
 * Checks that the server has the settings of its mode. Answers how long one fdatasync takes on its
 * disk, in ms.
 */
async function inspect(
  url: string,
  { name, config }: Mode,
  invariants: Invariants,
): Promise<number | undefined> {
  const client = new Redis(url)
  try {
    for (const [directive, wanted] of Object.entries(config)) {
      const [, found] = (await client.config('GET', directive)) as string[]
      invariants.check(
        'each server runs with the setting it is measured for',
        found === wanted,
        `${name}: ${directive} is ${found}`,
      )
    }
    const [, folder] = (await client.config('GET', 'dir')) as string[]
    return folder === undefined ? undefined : timeFsync(folder)
  } finally {
    client.disconnect()
  }
}

function timeFsync(folder: string): number {
  const path = join(folder, 'fsync-probe')
  const file = openSync(path, 'w')
  const times: number[] = []
  for (let i = 0; i < 21; i++) {
    writeSync(file, Buffer.alloc(4_096))
    const started = performance.now()
    fdatasyncSync(file)
    times.push(performance.now() - started)
  }
  closeSync(file)
  rmSync(path)
  return median(times)
}

function report(servers: readonly Server[], fsyncMs: number | undefined, invariants: Invariants): PartResult {
  const [off, ...written] = servers
  const ratios = (rates: readonly number[]) => rates.map((rate, round) => rate / off!.rates[round]!)
  return {
    figures: written.map(({ name, rates }) =>
      figureOf(ratios(rates), {
        id: `durability.ratio-${name}`,
        label: `with appendfsync ${name} : without persistence`,
        unit: 'ratio',
        better: 'higher',
      }),
    ),
    tables: [
      {
        title: `Accepted reservations a second (one fdatasync of 4 KB takes ${fsyncMs?.toFixed(3) ?? '?'} ms here)`,
        columns: ['persistence', 'median', 'lowest', 'highest', 'ratio to off'],
        rows: servers.map(({ name, rates }) => [
          name,
          ...[median(rates), Math.min(...rates), Math.max(...rates)].map(Math.round),
          rounded(median(ratios(rates)), 2),
        ]),
      },
    ],
    charts: [
      {
        kind: 'bars',
        title: 'Accepted reservations by persistence',
        unit: '/s',
        bars: servers.map(({ name, rates }) => ({
          label: name === 'off' ? 'off' : `appendfsync ${name}`,
          value: Math.round(median(rates)),
          spread: [Math.round(Math.min(...rates)), Math.round(Math.max(...rates))],
        })),
      },
    ],
    invariants: invariants.list(),
  }
}
