import { h } from './dom.js'
import { number, percent, words } from './format.js'
import { table } from './parts.js'

const COLUMNS = [
  { title: 'Answer' },
  { title: 'Requests', isNumber: true },
  { title: 'Share', isNumber: true },
  { title: '' },
]

/** How often buyers got each answer, the most frequent first. */
export function answerTable(
  caption: string,
  answers: Iterable<readonly [string, number]>,
): HTMLElement | null {
  const counts = [...answers].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  if (counts.length === 0) return null
  const all = counts.reduce((sum, [, count]) => sum + count, 0)
  const rows = counts.map(([outcome, count]) => ({
    key: outcome,
    cells: [
      ...[words(outcome), number(count), percent(count / all)],
      h(
        'div',
        { class: 'bar', 'aria-hidden': 'true' },
        h('span', { class: 'part share', 'data-share': count / all }),
      ),
    ],
  }))
  return table(caption, COLUMNS, rows)
}
