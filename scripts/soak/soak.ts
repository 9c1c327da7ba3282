import { ApplicationProcess } from './application-process.js'
import { injectFaults } from './faults.js'
import { type FaultyServers, startFaultyServers } from './faulty-servers.js'
import type { SoakOptions } from './options.js'
import type { RunRecord } from './record.js'
import { checkSales } from './sale-checks.js'

/** A round is a hundredth of the run, within these limits. ms */
const SHORTEST_ROUND = 1_000
const LONGEST_ROUND = 5_000

export interface Watching {
  /** Aborted: the round under way is the last. */
  readonly interrupted: AbortSignal
  readonly doing: (what: string) => void
}

/** Runs the application through all rounds, and records what it sees. */
export async function soak(options: SoakOptions, record: RunRecord, watching: Watching): Promise<void> {
  const servers = await startFaultyServers(options.seed, () => {})
  const application = new ApplicationProcess()
  try {
    await application.start({
      ...{ seed: options.seed, redis: servers.proxy.url, postgres: servers.postgresUrl },
    })
    await rounds(servers, application, options, record, watching)
    watching.doing('closing')
    await application.stop()
    record.broken.push(
      ...(await checkSales(servers, record.sales, (done) =>
        watching.doing(`checking sale ${done} of ${record.sales.length}`),
      )),
    )
  } catch (error) {
    record.broken.push((error as Error).message)
  } finally {
    application.kill()
    await servers.close()
  }
}

async function rounds(
  servers: FaultyServers,
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
      injectFaults(servers, { seed, round, ms }, (fault) => record.fault(fault)),
    ])
    const report = await application.sample()
    const { redis, postgres } = await servers.connections()
    record.add((performance.now() - begun) / 1_000, report, {
      'connections at Redis': redis,
      'connections at PostgreSQL': postgres,
    })
  }
}
