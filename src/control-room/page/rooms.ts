import type { RoomView } from '../view.js'
import { coursePlace } from './courses.js'
import { h } from './dom.js'
import { decimal, number, perSecond, span, time } from './format.js'
import { roomForms } from './operations.js'
import { buttons, type Cell, card, facts } from './parts.js'

export function roomCard(room: RoomView): HTMLElement {
  const { id, state, sale, stats, admittedPerSecond, waitSeconds } = room
  const target = `room:${id}`
  const entries: [string, Cell, string?][] = []
  if (stats) {
    const { waiting, admitted, missedTurns, outstanding, ratePerSecond, burst, opensAt, tiers } = stats
    const most = Math.min(stats.capacity ?? Infinity, stats.maxActive ?? Infinity)
    entries.push(
      ['waiting', number(waiting)],
      ['estimated wait', waitSeconds === null ? '–' : span(waitSeconds), 'of the last in the queue'],
      ['rate asked', `${decimal(ratePerSecond)}/s`, `burst ${number(burst)}`],
      ['rate achieved', perSecond(admittedPerSecond), 'over ten seconds'],
      ['admitted', number(admitted)],
      ['missed turns', number(missedTurns)],
      ['passes outstanding', number(outstanding), most === Infinity ? 'no bound' : `at most ${number(most)}`],
    )
    if (opensAt !== null) entries.push(['opens', time(opensAt)])
    for (const tier of tiers) entries.push([`tier ${tier.tier}`, number(tier.waiting), 'waiting'])
  }
  return card(
    'Waiting room',
    target,
    room,
    sale !== null && h('p', { class: 'quiet' }, 'for the sale ', h('span', { class: 'id' }, sale)),
    entries.length > 0 && facts(entries),
    coursePlace(target),
    stats && buttons(roomForms(state, stats.ratePerSecond), target),
  )
}
