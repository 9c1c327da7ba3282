import type { RoomView, SaleView } from '../view.js'
import { h } from './dom.js'
import { words } from './format.js'
import type { Form } from './operations.js'
import { viewer } from './viewer.js'

/** Signs that say the same as the colour. */
const SIGNS: Readonly<Record<string, string>> = {
  open: '●',
  paused: '❚❚',
  not_open: '○',
  not_started: '○',
  ended: '■',
  sold_out: '■',
  frozen: '✖',
  lost: '✖',
  done: '✓',
  failed: '✖',
  unknown: '?',
  begun: '…',
}

export function badge(state: string): HTMLElement {
  return h('span', { class: 'badge', 'data-state': state }, `${SIGNS[state] ?? '•'} ${words(state)}`)
}

export interface Column {
  readonly title: string
  readonly isNumber?: boolean
}

export type Cell = Node | string

/** A table whose rows keep their identity by their first text. Wide ones scroll by themselves. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly { readonly key: string; readonly cells: readonly Cell[] }[],
): HTMLElement {
  const classOf = (index: number) => (columns[index]!.isNumber ? 'number' : null)
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h(
      'table',
      {},
      h('caption', { class: 'unseen' }, caption),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          columns.map(({ title }, i) => h('th', { scope: 'col', class: classOf(i) }, title)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map(({ key, cells }) =>
          h(
            'tr',
            { 'data-key': key },
            cells.map((cell, i) =>
              i === 0
                ? h('th', { scope: 'row', class: classOf(i) }, cell)
                : h('td', { class: classOf(i) }, cell),
            ),
          ),
        ),
      ),
    ),
  )
}

/** Facts: a name and a value each. */
export function facts(
  entries: readonly (readonly [name: string, value: Cell, detail?: string | undefined])[],
): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    entries.map(([name, value, detail]) =>
      h(
        'div',
        { 'data-key': name },
        h('dt', {}, name),
        h('dd', {}, value),
        detail && h('dd', { class: 'detail' }, detail),
      ),
    ),
  )
}

const byKey = new Map<string, { readonly form: Form; readonly target: string }>()

/** The buttons of operations, as far as the viewer may use them. */
export function buttons(offered: readonly Form[], target: string): HTMLElement | null {
  const allowed = offered.filter(({ isQuestion }) => isQuestion || viewer.mayOperate)
  if (allowed.length === 0) return null
  return h(
    'div',
    { class: 'buttons', role: 'group', 'aria-label': `Operations on ${target}` },
    allowed.map((form) => {
      const key = JSON.stringify([target, form.operation, form.fixed])
      byKey.set(key, { form, target })
      return h(
        'button',
        { type: 'button', 'data-key': key, class: form.isFinal ? 'final' : null },
        form.label,
      )
    }),
  )
}

/** What a button stands for. */
export function offerOf(button: HTMLElement): { readonly form: Form; readonly target: string } | undefined {
  return byKey.get(button.dataset.key ?? '')
}

export function section(
  title: string,
  key: string,
  ...children: readonly (Node | null | false)[]
): HTMLElement {
  const id = `section-${key}`
  return h('section', { 'data-key': key, 'aria-labelledby': id }, h('h2', { id }, title), children)
}

/** A sale or a waiting room. */
export function card(
  kind: string,
  target: string,
  { id, state, problem }: Pick<SaleView | RoomView, 'id' | 'state' | 'problem'>,
  ...children: readonly (Node | null | false | readonly (Node | null)[] | undefined)[]
): HTMLElement {
  const heading = `card-${target}`
  return h(
    'section',
    { class: 'card', 'data-key': target, 'aria-labelledby': heading },
    h(
      'h2',
      { id: heading },
      h('span', { class: 'kind' }, `${kind} `),
      h('span', { class: 'id' }, id),
      ' ',
      badge(state),
    ),
    problem && h('p', { class: 'failed' }, h('strong', {}, problem.code), ` ${problem.message}`),
    children.flat(),
  )
}
