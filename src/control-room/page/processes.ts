import type { ListedProcess } from '../../heartbeat/processes.js'
import { answerTable } from './answers.js'
import { h } from './dom.js'
import { bytes, milliseconds, number, span } from './format.js'
import { section, table } from './parts.js'

const numeric = (...titles: string[]) => titles.map((title) => ({ title, isNumber: true }))

export function processSection(processes: readonly ListedProcess[]): HTMLElement {
  const columns = [
    { title: 'Process' },
    { title: 'State' },
    { title: 'Version' },
    ...numeric('Open for', 'Memory', 'Open calls', 'Sales', 'Rooms'),
  ]
  const rows = processes.map(({ id, isPresent, silentMs, figures }) => ({
    key: id,
    cells: [
      h('span', { class: 'id' }, figures ? `${figures.host}:${figures.pid}` : id),
      isPresent ? '● present' : `✖ silent for ${span(silentMs / 1_000)}`,
      ...(figures
        ? [
            `${figures.version}, Node ${figures.node.replace(/^v/, '')}`,
            span(figures.openForMs / 1_000),
            bytes(figures.rss),
            number(figures.openCalls),
            number(figures.sales.count),
            number(figures.rooms.count),
          ]
        : ['another version', '–', '–', '–', '–', '–']),
    ],
  }))
  return section(
    'Processes',
    'processes',
    processes.length === 0
      ? h(
          'p',
          { class: 'quiet' },
          'No process has told that it lives. Engines with `heartbeat: false` tell nothing.',
        )
      : table('Processes', columns, rows),
    commandTable(processes),
  )
}

/** The slowest process of each command. */
function commandTable(processes: readonly ListedProcess[]): HTMLElement | null {
  const commands = new Map<string, { calls: number; p50Ms: number; p99Ms: number; slowest: string }>()
  for (const { isPresent, figures } of processes) {
    if (!isPresent || !figures) continue
    for (const [command, { calls, p50Ms, p99Ms }] of Object.entries(figures.latency)) {
      const known = commands.get(command)
      const isSlower = !known || p99Ms > known.p99Ms
      commands.set(command, {
        calls: (known?.calls ?? 0) + calls,
        p50Ms: Math.max(known?.p50Ms ?? 0, p50Ms),
        p99Ms: Math.max(known?.p99Ms ?? 0, p99Ms),
        slowest: isSlower ? `${figures.host}:${figures.pid}` : known.slowest,
      })
    }
  }
  if (commands.size === 0) return null
  const columns = [{ title: 'Command' }, ...numeric('Calls', 'p50', 'p99'), { title: 'Slowest process' }]
  const rows = [...commands]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([command, { calls, p50Ms, p99Ms, slowest }]) => ({
      key: command,
      cells: [
        ...[command, number(calls), milliseconds(p50Ms), milliseconds(p99Ms)],
        h('span', { class: 'id' }, slowest),
      ],
    }))
  return h(
    'div',
    { 'data-key': 'commands' },
    h('h3', {}, 'Commands since the latest beat'),
    table('Commands since the latest beat', columns, rows),
  )
}

/** What buyers were told, by all processes that are listed. */
export function refusalSection(processes: readonly ListedProcess[]): HTMLElement {
  const counts = new Map<string, number>()
  for (const { figures } of processes)
    for (const [outcome, count] of Object.entries(figures?.calls.reserve ?? {}))
      counts.set(outcome, (counts.get(outcome) ?? 0) + count)
  return section(
    'Answers to reserve',
    'refusals',
    h('p', { class: 'quiet' }, 'Of all sales, since the processes that are listed began.'),
    answerTable('Answers to reserve', counts) ?? h('p', {}, 'No reservation was asked for yet.'),
  )
}
