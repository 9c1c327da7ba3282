import type { Told } from '../view.js'
import 'uplot/dist/uPlot.min.css'
import './style.css'
import './charts.css'
import { tendCourses } from './courses.js'
import { openDialog, tellDialog } from './dialog.js'
import { h, morph } from './dom.js'
import { time } from './format.js'
import { offerOf } from './parts.js'
import { processSection, refusalSection } from './processes.js'
import { alertSection, logSection, othersSection, refundSection } from './records.js'
import { roomCard } from './rooms.js'
import { saleCard } from './sales.js'
import { serverSection } from './servers.js'
import { viewer } from './viewer.js'

const main = document.querySelector('#main')!
const status = document.querySelector('#status')!
const announcements = document.querySelector('#announcements')!

/** The alerts that were there at the last reading, so that only new ones are announced. */
let known: ReadonlySet<string> = new Set()
/** When the figures were read that the page shows. */
let shownAt: number | null = null

document.querySelector('#viewer')!.textContent = viewer.mayOperate
  ? viewer.name
  : `${viewer.name}, may look only`

main.addEventListener('click', (event) => {
  const button = (event.target as Element).closest<HTMLElement>('button[data-key]')
  const offer = button && offerOf(button)
  if (offer) openDialog(offer.form, offer.target)
})

const stream = new EventSource('events')
stream.addEventListener('message', ({ data }) => show(JSON.parse(data)))
stream.addEventListener('error', () => {
  const isOver = stream.readyState === EventSource.CLOSED
  const lost = isOver ? '✖ Not connected: reload the page, or log in again.' : '▲ Connecting again…'
  say('away', shownAt === null ? lost : `${lost} The figures are of ${time(shownAt)}.`)
  main.classList.add('stale')
})

function show(told: Told): void {
  const { problem, viewAt, view, at } = told
  shownAt = viewAt
  if (problem) {
    const since = `Redis has not answered since ${time(problem.since)} (${problem.code}).`
    say('away', viewAt === null ? `✖ ${since}` : `✖ ${since} The figures are of ${time(viewAt)}.`)
  } else say('live', `● Live, ${time(at)}`)
  main.classList.toggle('stale', problem !== null)
  if (!view) return
  morph(
    main,
    h(
      'main',
      { id: 'main', class: main.className },
      alertSection(view),
      view.sales.length + view.rooms.length === 0 &&
        h('p', { class: 'quiet', 'data-key': 'none' }, 'There is no sale and no waiting room yet.'),
      view.sales.map((sale) => saleCard(sale, at, view)),
      view.rooms.map(roomCard),
      othersSection(view),
      serverSection(view.servers),
      refusalSection(view.processes),
      processSection(view.processes),
      refundSection(view),
      logSection(view),
    ),
  )
  tendCourses(main)
  tellDialog(view)
  announce(
    view.alerts.map(({ kind, subject, level }) => `${level}: ${kind.replaceAll('_', ' ')}, ${subject}`),
  )
}

function say(state: 'live' | 'away', text: string): void {
  status.className = state
  // A screen reader is told changes of the state, and not the time of every second.
  status.setAttribute('role', state === 'live' ? 'none' : 'status')
  if (status.textContent !== text) status.textContent = text
}

function announce(alerts: readonly string[]): void {
  const fresh = alerts.filter((alert) => !known.has(alert))
  known = new Set(alerts)
  if (fresh.length > 0) announcements.textContent = fresh.join('. ')
}
