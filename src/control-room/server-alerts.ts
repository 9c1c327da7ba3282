import { FULL_SHARE, isBehind, mayEvict, memoryShare } from '../engine/servers.js'
import type { Alert, ServersView, ServerView } from './view.js'

const tuning = {
  /** The share of its memory from which on a server is about to refuse reservations. */
  last: 0.95,
}

/** What an operator should look at in the servers. */
export function ofServers({ servers, missingReplicas }: ServersView): Alert[] {
  const alerts = servers.flatMap(ofServer)
  if (missingReplicas > 0) {
    const what = missingReplicas === 1 ? 'A replica is missing.' : `${missingReplicas} replicas are missing.`
    const text = `${what} If a master is lost now, its sales may lose what was acknowledged, and freeze.`
    alerts.push({ kind: 'replicas', level: 'warning', subject: 'redis', text, guide: MISSING })
  }
  return alerts
}

function ofServer({ address, state, figures }: ServerView): Alert[] {
  if (state !== 'told' || !figures) return []
  const subject = `redis ${address}`
  const alerts: Alert[] = []
  const share = memoryShare(figures)
  if (share !== null && share >= FULL_SHARE) {
    const percent = `${Math.floor(100 * share)} %`
    const limit = figures.maxMemory === null ? 'the memory of its machine' : 'its maxmemory'
    const what = figures.maxMemory === null ? 'the system ends it' : 'it refuses reservations'
    alerts.push({
      ...{ kind: 'memory', level: share >= tuning.last ? 'critical' : 'warning', subject },
      text: `Redis uses ${percent} of ${limit}. When nothing is left, ${what}.`,
      guide: figures.maxMemory === null ? [LIMIT, ...MEMORY] : [RAISE, ...MEMORY],
    })
  }
  if (mayEvict(figures.policy)) {
    const text = `maxmemory-policy is ${figures.policy}: when its memory is used up, Redis deletes stock and orders.`
    alerts.push({ kind: 'eviction', level: 'warning', subject, text, guide: EVICTION })
  }
  const behind = figures.replicas.filter(isBehind).map((replica) => replica.address)
  if (behind.length > 0) {
    const text = `Replicas are behind: ${behind.join(', ')}. A failover to one of them takes back what was acknowledged, and freezes the sales.`
    alerts.push({ kind: 'replicas', level: 'warning', subject, text, guide: BEHIND })
  }
  return alerts
}

const RAISE = 'Raise the limit if the machine has room: CONFIG SET maxmemory 4gb, and CONFIG REWRITE.'
const LIMIT = 'Set a limit below the memory of the machine: CONFIG SET maxmemory 4gb, and CONFIG REWRITE.'
const MEMORY = [
  'Remove what is not needed: destroy sales that have ended, and delete keys of other applications.',
  'If it still grows, admit fewer visitors, or pause sales, until there is room. Payments and releases go on.',
]
const EVICTION = [
  'CONFIG SET maxmemory-policy noeviction, and CONFIG REWRITE: Redis deletes nothing from then on.',
  'Audit each sale: the audit finds what was deleted before.',
]
const MISSING = [
  'See whether the machine of the replica runs, and read the log of its Redis.',
  'Start it again, and wait until it stands among the replicas below, online.',
  'Until then restart no master.',
]
const BEHIND = [
  'Make no failover to these replicas until they have caught up.',
  'See whether their machine, or the network to it, is overloaded.',
]
