import { isNumeric, number } from '../../../src/cli/terminal/format.js'
import type { Table } from '../../../src/cli/terminal/table.js'
import { type Content, type Html, html } from './html.js'

/** A table that scrolls by itself where it is wider than the page, also by keyboard. */
export function scrolling(title: string, table: Html): Html {
  return html`<div class="scroll" role="region" aria-label="${title}" tabindex="0">${table}</div>`
}

export function tableOf({ title, columns, rows }: Table): Html {
  // A heading stands over its values: right where they are numbers.
  const numeric = columns.map((_, index) => rows.length > 0 && rows.every((row) => isNumeric(row[index]!)))
  const right = (index: number) => (numeric[index] ? 'number' : '')
  const cell = (value: string | number, index: number): Html => {
    const content: Content = typeof value === 'number' ? number(value) : value
    if (index === 0) return html`<th scope="row" class="${right(index)}">${content}</th>`
    return html`<td class="${isNumeric(value) ? 'number' : ''}">${content}</td>`
  }
  // Not a caption: that is as wide as its table, and would scroll out of a phone's sight with it.
  return html`<h4 class="title">${title}</h4>${scrolling(
    title,
    html`<table aria-label="${title}">
<thead><tr>${columns.map((column, index) => html`<th scope="col" class="${right(index)}">${column}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}</tbody>
</table>`,
  )}`
}

/** What a chart shows, for those who want the figures or cannot see it. */
export function valuesOf(table: Table): Html {
  return html`<details><summary>Values</summary>${tableOf(table)}</details>`
}
