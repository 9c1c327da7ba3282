import { closedLoop, type Tally, type Work } from '../../scripts/lib/load/drive.js'
import type { ServerMeter } from '../../scripts/lib/load/server-meter.js'

/** What one kind of request cost, in µs each. */
export interface Cost {
  readonly perSecond: number
  /** CPU of the server, everything included. */
  readonly server: number
  /** Of that the time in scripts and functions, by the server's `commandstats`. */
  readonly script: number
  /** CPU of this process, callers included. */
  readonly client: number
  /** Requests that travelled in one call. */
  readonly perCall: number
}

export interface Drive {
  readonly callers: number
  readonly count: number
  readonly work: Work
}

/** Has callers make requests, each after its answer, and measures both sides apart. */
export async function costOf(
  meter: ServerMeter,
  { callers, count, work }: Drive,
): Promise<{ cost: Cost; tally: Tally }> {
  const before = await meter.read()
  const started = process.cpuUsage()
  const tally = await closedLoop({ callers, limit: { count }, work })
  const { user, system } = process.cpuUsage(started)
  const after = await meter.read()
  return {
    cost: {
      perSecond: tally.accepted / tally.seconds,
      server: ((after.cpu - before.cpu) * 1e6) / count,
      script: (after.scriptTime - before.scriptTime) / count,
      client: (user + system) / count,
      perCall: count / (after.calls - before.calls),
    },
    tally,
  }
}
