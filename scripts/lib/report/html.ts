/** Text that is HTML already. Everything else is escaped on its way into a page. */
export class Html {
  constructor(readonly text: string) {}
}

export type Content = string | number | Html | readonly Content[] | undefined | false

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function render(content: Content): string {
  if (content === undefined || content === false) return ''
  if (content instanceof Html) return content.text
  if (typeof content === 'object') return content.map(render).join('')
  return String(content).replace(/[&<>"']/g, (character) => entities[character]!)
}

/** The values of the template may stand in texts and in quoted attributes. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(render)))
}

/**
 * A value for a script to read: neither `</script>` nor `<!--` in a string may end or change the
 * element.
 */
export function json(value: unknown): Html {
  return new Html(JSON.stringify(value).replaceAll('<', '\\u003c'))
}
