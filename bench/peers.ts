import { closedLoop } from '../scripts/lib/load/drive.js'
import { Invariants } from '../scripts/lib/load/invariants.js'
import { buyerName, CALLERS, keyName } from '../scripts/lib/load/sale.js'
import { postgresIfAny } from './load/postgres-if-any.js'
import type { Context, Part, PartResult } from './part.js'
import { BareDecr } from './peers/bare-decr.js'
import { EmptyInLibrary } from './peers/empty-in-library.js'
import { EmptyScript } from './peers/empty-script.js'
import { LIMIT, type Peer } from './peers/peer.js'
import { PostgresFunction } from './peers/postgres-function.js'
import { PostgresSkipLocked } from './peers/postgres-skip-locked.js'
import { PostgresUpdate } from './peers/postgres-update.js'
import { breaches, type RaceResult, race } from './peers/race.js'
import { Redlock } from './peers/redlock.js'
import { type Measured, report } from './peers/report.js'
import { Single } from './peers/single.js'
import { Stockhold } from './peers/stockhold.js'
import { WatchMulti } from './peers/watch-multi.js'

interface Sizes {
  readonly rounds: number
  readonly seconds: number
  /** Units in the race that shows which peers oversell. */
  readonly units: number
  /** Reservations whose calls are recorded for the empty script. */
  readonly recorded: number
}

export const part: Part = {
  name: 'peers',
  question: 'How fast is it compared with the usual alternatives, and which of them oversell?',
  run: (context) =>
    measure(
      context,
      context.quick
        ? { rounds: 1, seconds: 0.25, units: 100, recorded: 20_000 }
        : { rounds: 5, seconds: 0.8, units: 500, recorded: 100_000 },
    ),
}

/** A way of selling that is measured in the round after one of stockhold's. */
interface Contestant {
  readonly name: string
  readonly label: string
  readonly callers: number
  round(): Promise<number>
}

async function measure(context: Context, sizes: Sizes): Promise<PartResult> {
  const { url } = await context.redis()
  const postgres = await postgresIfAny(context.progress)
  const ours = new Stockhold(url, context.prefix())
  const peers = makePeers(url, postgres?.url, () => context.prefix())
  const empty = new EmptyScript(url, context.prefix())
  const emptyInLibrary = new EmptyInLibrary(url, context.prefix())
  const invariants = new Invariants()
  try {
    const races = await raceAll([ours, ...peers], sizes.units, context, invariants)
    await empty.record(sizes.recorded)
    await emptyInLibrary.round(sizes.seconds) // warms up; the race did that for the others
    const contestants: Contestant[] = [
      ...peers.map((peer) => contestant(peer, sizes.seconds, invariants)),
      {
        name: 'empty-script',
        label: 'empty script, the same calls',
        callers: 2,
        round: () => empty.round(sizes.seconds),
      },
      {
        name: 'empty-in-library',
        label: 'stockhold around an empty script',
        callers: CALLERS,
        round: () => emptyInLibrary.round(sizes.seconds),
      },
    ]
    const measured = await alternate(
      contestant(ours, sizes.seconds, invariants),
      contestants,
      sizes.rounds,
      context,
    )
    return report({ ...measured, races, invariants: invariants.list() })
  } finally {
    for (const open of [ours, ...peers, empty, emptyInLibrary]) await open.close()
    await postgres?.stop()
  }
}

function makePeers(redis: string, postgres: string | undefined, prefix: () => string): Peer[] {
  return [
    new Single(redis, prefix(), { autoPipelining: false }),
    new Single(redis, prefix(), { autoPipelining: true }),
    new BareDecr(redis, prefix()),
    new WatchMulti(redis, prefix()),
    new Redlock(redis, prefix()),
    ...(postgres === undefined
      ? []
      : [
          new PostgresUpdate(postgres),
          new PostgresUpdate(postgres, { synchronousCommit: 'off' }),
          new PostgresFunction(postgres),
          new PostgresSkipLocked(postgres),
        ]),
  ]
}

/** More buyers than units, before anything is timed. The race warms up every peer as well. */
async function raceAll(
  peers: readonly Peer[],
  units: number,
  { progress }: Context,
  invariants: Invariants,
): Promise<Map<string, RaceResult>> {
  const results = new Map<string, RaceResult>()
  for (const [index, peer] of peers.entries()) {
    progress.update(`which peer oversells: ${peer.label}`, index, peers.length, 'peers')
    const result = await race(peer, units, LIMIT)
    const broken = breaches(peer, result)
    invariants.check(
      'more buyers than units: no peer breaks a guarantee that it gives',
      broken.length === 0,
      `${peer.label}: ${broken.join(', ')}`,
    )
    results.set(peer.name, result)
  }
  return results
}

function contestant(peer: Peer, seconds: number, invariants: Invariants): Contestant {
  const { name, label, callers } = peer
  const rule =
    name === 'stockhold'
      ? 'stockhold: the audit after each round finds what the callers were told, and no violation'
      : 'peers: after each round stock, reservations and what the callers were told agree'
  const round = async () => {
    await peer.create(peer.plenty)
    const work = async (n: number) =>
      (await peer.reserve(buyerName(n), keyName(n))) === 'reserved' ? 'accepted' : 'refused'
    const { accepted, refused, failed, error, ...tally } = await closedLoop({
      callers,
      limit: { seconds },
      work,
    })
    const { left, recorded, fault } = await peer.state()
    const sold = peer.plenty - left
    invariants.check(
      rule,
      fault === undefined && sold === accepted && (recorded ?? accepted) === accepted,
      `${label}: ${sold} sold, ${recorded} recorded, ${accepted} told${fault ? `; ${fault}` : ''}`,
    )
    invariants.check(
      'no request failed, none was refused while there was stock',
      failed === 0 && refused === 0,
      `${label}: ${failed} failed, ${refused} refused (${error})`,
    )
    return accepted / tally.seconds
  }
  return { name, label, callers, round }
}

/**
 * stockhold, a peer, stockhold, the next peer, ...: ratios are taken between neighbours, which had
 * the same load on the machine.
 */
async function alternate(
  ours: Contestant,
  contestants: readonly Contestant[],
  rounds: number,
  { progress }: Context,
): Promise<Pick<Measured, 'ours' | 'peers'>> {
  const rates: number[] = []
  const peers = contestants.map(({ name, label, callers }) => ({
    name,
    label,
    callers,
    rates: [] as number[],
    ratios: [] as number[],
  }))
  const total = rounds * contestants.length
  await ours.round() // warms up
  for (let round = 0; round < rounds; round++) {
    for (const [index, peer] of contestants.entries()) {
      progress.update(`stockhold and ${peer.label}`, round * contestants.length + index, total, 'pairs')
      const our = await ours.round()
      const their = await peer.round()
      rates.push(our)
      peers[index]!.rates.push(their)
      peers[index]!.ratios.push(our / their)
    }
  }
  progress.update('peers', total, total, 'pairs')
  return { ours: { name: ours.name, label: ours.label, callers: ours.callers, rates }, peers }
}
