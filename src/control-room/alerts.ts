import type { ListedProcess } from '../heartbeat/processes.js'
import { ofServers } from './server-alerts.js'
import type { Alert, RoomView, SaleView, ServersView } from './view.js'

const tuning = {
  /** Events that a group is behind. */
  lag: 10_000,
  /** The p99 of a command, and of how many calls at least. ms */
  p99Ms: 500,
  calls: 20,
  /** The part of its rate that a room should reach. */
  admission: 0.5,
}

const RECOVERY = [
  'Restart no process: only the processes that acknowledged an answer know it.',
  'Let Redis come to rest: one master, with the newest data there is. Keep payments that arrive meanwhile, and confirm them afterwards.',
  'Recover the sale: from the ledger if you have one, or else replay: every process that has the sale open puts back what it acknowledged.',
  'Accept what is left only if no buyer has bought yet, or if you put the orders back yourself: what Redis has lost stays lost then.',
  'If you had restocked, set or moved units since the state that Redis has, recover the sale paused: no process that sells knows of it. Do it again then, with the same keys; replay once more, paused, if buyers were refused; and resume the sale.',
  'Tell the buyers whose reservations the recovery refused, and give their money back.',
  'Audit the sale, and reconcile it with the ledger.',
  'Set the rate of the waiting room again, its pause and its blocked buyers: they are as old as the sale was.',
]

/** What an operator should look at, what stops a sale first. */
export function alertsOf(
  sales: readonly SaleView[],
  rooms: readonly RoomView[],
  processes: readonly ListedProcess[],
  servers: ServersView | null,
): Alert[] {
  const alerts = [
    ...sales.flatMap(ofSale),
    ...rooms.flatMap(ofRoom),
    ...(servers ? ofServers(servers) : []),
    ...ofProcesses(processes),
  ]
  const rank = ({ level }: Alert) => (level === 'critical' ? 0 : 1)
  return alerts.sort((a, b) => rank(a) - rank(b))
}

function ofSale({ id, state, problem, groups }: SaleView): Alert[] {
  const subject = `sale:${id}`
  const alerts: Alert[] = []
  if (state === 'frozen' || state === 'lost') {
    const lost = state === 'frozen' ? 'acknowledged changes of the sale' : 'the sale, or parts of it'
    const text = `Redis has lost ${lost}. The sale sells nothing until you recover it.`
    alerts.push({ kind: state, level: 'critical', subject, text, guide: RECOVERY })
  }
  if (problem?.code === 'INCOMPATIBLE_VERSION')
    alerts.push({ kind: 'version', level: 'warning', subject, text: problem.message, guide: [] })
  for (const { group, lag, dead, consumers } of groups ?? []) {
    if (lag >= tuning.lag) {
      const led = consumers === 0 ? 'No consumer is running.' : `Consumers running: ${consumers}.`
      const text = `The group ${group} is ${lag.toLocaleString('en-US')} events behind. ${led}`
      alerts.push({ kind: 'lag', level: 'warning', subject, text, guide: [] })
    }
    if (dead > 0) {
      const text = `The group ${group} has ${dead.toLocaleString('en-US')} dead letters. Find out why their handler failed, then retry or discard them.`
      alerts.push({ kind: 'dead_letters', level: 'warning', subject, text, guide: [] })
    }
  }
  return alerts
}

function ofRoom({ id, state, stats, admittedPerSecond }: RoomView): Alert[] {
  const subject = `room:${id}`
  if (state === 'lost') {
    const text = 'Redis has lost the waiting room. Open another one.'
    return [{ kind: 'lost', level: 'critical', subject, text, guide: [] }]
  }
  if (stats?.state !== 'open' || admittedPerSecond === null || stats.waiting === 0) return []
  const most = Math.min(stats.capacity ?? Infinity, stats.maxActive ?? Infinity)
  const isFull = stats.outstanding >= most
  if (isFull || admittedPerSecond >= tuning.admission * stats.ratePerSecond) return []
  const text = `The room admits ${admittedPerSecond.toFixed(1)} visitors a second, and should admit ${stats.ratePerSecond}. Visitors who went away do not take their turns; or no process admits.`
  return [{ kind: 'admission', level: 'warning', subject, text, guide: [] }]
}

function ofProcesses(processes: readonly ListedProcess[]): Alert[] {
  const alerts: Alert[] = []
  const present = processes.filter(({ isPresent }) => isPresent)
  const versions = new Set(present.map(({ figures }) => figures?.version ?? 'another version'))
  if (versions.size > 1) {
    const text = `The processes run different versions: ${[...versions].sort().join(', ')}.`
    alerts.push({ kind: 'version', level: 'warning', subject: 'processes', text, guide: [] })
  }
  for (const process of processes) {
    const subject = nameOfProcess(process)
    if (!process.isPresent) {
      const text = `The process has been silent for ${Math.round(process.silentMs / 1_000)} s: it has died, stands still, or does not reach Redis.`
      alerts.push({ kind: 'process_gone', level: 'warning', subject, text, guide: [] })
      continue
    }
    const slow = Object.entries(process.figures?.latency ?? {}).filter(
      ([, { calls, p99Ms }]) => calls >= tuning.calls && p99Ms >= tuning.p99Ms,
    )
    if (slow.length === 0) continue
    const told = slow.map(([command, { p99Ms }]) => `${command} ${Math.round(p99Ms)} ms`).join(', ')
    alerts.push({ kind: 'latency', level: 'warning', subject, text: `p99 is high: ${told}.`, guide: [] })
  }
  return alerts
}

function nameOfProcess({ id, figures }: ListedProcess): string {
  return figures ? `${figures.host}:${figures.pid}` : id
}
