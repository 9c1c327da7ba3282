import { isBehind, memoryLimit, memoryShare, type ReplicaFigures } from '../../engine/servers.js'
import type { ServersView, ServerView } from '../view.js'
import { h } from './dom.js'
import { bytes, number, percent, span } from './format.js'
import { type Cell, facts, section } from './parts.js'

export function serverSection(view: ServersView | null): HTMLElement | null {
  if (!view) return null
  const { servers, count } = view
  const more = count - servers.length
  return section(
    'Redis',
    'redis',
    h('div', { class: 'servers' }, servers.map(serverBlock)),
    more > 0 && h('p', { class: 'quiet' }, `And ${number(more)} more masters.`),
  )
}

const WITHOUT_FIGURES = {
  asked: 'The server is being asked…',
  denied:
    'The Redis user of this control room may not run INFO, so there are no figures. Everything else works.',
  away: '✖ The server has not answered for five seconds.',
} as const

function serverBlock({ address, state, figures, busyShare }: ServerView): HTMLElement {
  const share = figures && memoryShare(figures)
  return h(
    'div',
    { class: 'server', 'data-key': address },
    h(
      'h3',
      {},
      h('span', { class: 'id' }, address),
      figures && h('span', { class: 'kind' }, ` ${figures.version}`),
    ),
    state !== 'told' && h('p', { class: state === 'away' ? 'failed' : 'quiet' }, WITHOUT_FIGURES[state]),
    share !== null &&
      h(
        'div',
        { class: 'bar', 'aria-hidden': 'true' },
        h('span', { class: 'part share', 'data-share': Math.min(1, share) }),
      ),
    figures && facts(factsOf(figures, busyShare)),
    figures &&
      figures.replicas.length > 0 &&
      h(
        'ul',
        { class: 'replicas' },
        figures.replicas.map((replica) => h('li', {}, replicaText(replica))),
      ),
  )
}

function factsOf(
  figures: NonNullable<ServerView['figures']>,
  busyShare: number | null,
): (readonly [string, Cell, string | undefined])[] {
  const { usedMemory, maxMemory, policy, clients, maxClients, replicaCount } = figures
  const [limit, share] = [memoryLimit(figures), memoryShare(figures)]
  const whose = maxMemory === null ? ' of the machine: no maxmemory is set' : ''
  return [
    [
      'memory used',
      usedMemory === null ? '–' : bytes(usedMemory),
      limit === null || share === null
        ? 'of an unknown limit'
        : `${percent(share)} of ${bytes(limit)}${whose}`,
    ],
    ['policy', policy ?? '–', 'when memory is used up'],
    ['CPU', busyShare === null ? '–' : percent(busyShare), 'of one core, over ten seconds'],
    [
      'clients',
      clients === null ? '–' : number(clients),
      maxClients === null ? undefined : `of ${number(maxClients)}`,
    ],
    ['replicas', number(replicaCount), replicaCount === 0 ? 'none takes over' : undefined],
  ]
}

function replicaText(replica: ReplicaFigures): string {
  const { address, isOnline, lagSeconds, behindBytes } = replica
  const sign = isBehind(replica) ? '▲ ' : ''
  const lag = lagSeconds === null ? '' : `, heard of ${span(lagSeconds)} ago`
  const behind = behindBytes === null ? '' : `, ${bytes(behindBytes)} behind`
  return `${sign}${address} ${isOnline ? 'online' : 'not online'}${lag}${behind}`
}
