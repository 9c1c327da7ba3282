import { ApplicationProcess } from './application-process.js'
import { trouble } from './faults.js'
import type { SoakOptions } from './options.js'
import { brokenPromises } from './promises.js'
import type { RunRecord } from './record.js'
import { openWorld, type World } from './world.js'

/** A round is a hundredth of the run, between these. ms */
const SHORTEST_ROUND = 1_000
const LONGEST_ROUND = 5_000

export interface Watching {
  /** Aborted: the round under way is the last. */
  readonly interrupted: AbortSignal
  readonly doing: (what: string) => void
}

/** Runs all of it, and puts what it sees into the record. */
export async function soak(options: SoakOptions, record: RunRecord, watching: Watching): Promise<void> {
  const world = await openWorld(options.seed, () => {})
  const application = new ApplicationProcess()
  try {
    await application.start({
      ...{ seed: options.seed, redis: world.proxy.url, postgres: world.postgresUrl },
    })
    await rounds(world, application, options, record, watching)
    watching.doing('closing')
    await application.stop()
    record.broken.push(
      ...(await brokenPromises(world, record.sales, (done) =>
        watching.doing(`checking sale ${done} of ${record.sales.length}`),
      )),
    )
  } catch (error) {
    record.broken.push((error as Error).message)
  } finally {
    application.kill()
    await world.close()
  }
}

async function rounds(
  world: World,
  application: ApplicationProcess,
  { minutes, seed }: SoakOptions,
  record: RunRecord,
  { interrupted, doing }: Watching,
): Promise<void> {
  const begun = performance.now()
  const length = minutes * 60_000
  const ms = Math.min(LONGEST_ROUND, Math.max(SHORTEST_ROUND, length / 100))
  for (let round = 1; performance.now() - begun < length && !interrupted.aborted; round++) {
    doing(`round ${round}`)
    application.sell(round, ms)
    await Promise.race([
      application.broken,
      trouble(world, { seed, round, ms }, (fault) => record.fault(fault)),
    ])
    const settled = await application.settle()
    const { redis, postgres } = await world.connections()
    record.add((performance.now() - begun) / 1_000, settled, {
      'connections at Redis': redis,
      'connections at PostgreSQL': postgres,
    })
  }
}
