type Child = Node | string | number | null | undefined | false
type Attributes = Readonly<Record<string, string | number | boolean | null | undefined>>

/** An element. Children that are texts become text nodes: no value is ever read as HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Child | readonly Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue
    element.setAttribute(name, value === true ? '' : String(value))
  }
  for (const child of children.flat())
    if (child !== null && child !== undefined && child !== false)
      element.append(child instanceof Node ? child : String(child))
  return element
}

/**
 * Makes an element like another one, and keeps what is the same: so focus, selection and scrolled
 * tables stay as they are. `data-key` tells children apart that may move; what a viewer opens or
 * types (`open`, `value`) is the viewer's. What stands in an element with `data-own` is its own.
 */
export function morph(old: Element, next: Element): void {
  if (old instanceof HTMLElement && old.dataset.own !== undefined) return
  for (const { name } of [...old.attributes])
    if (!next.hasAttribute(name) && !(name === 'open' && old instanceof HTMLDetailsElement))
      old.removeAttribute(name)
  for (const { name, value } of [...next.attributes])
    if (old.getAttribute(name) !== value) old.setAttribute(name, value)
  if (next instanceof HTMLElement && next.dataset.share !== undefined)
    (old as HTMLElement).style.setProperty('--share', next.dataset.share)
  const wanted = [...next.childNodes]
  for (const [index, node] of wanted.entries()) {
    const present = old.childNodes[index]
    const match = present && findLike(old, node, index)
    if (!match) {
      old.insertBefore(node, present ?? null)
      adopt(node)
      continue
    }
    if (match !== present) old.insertBefore(match, present)
    if (match instanceof Element) morph(match, node as Element)
    else if (match.nodeValue !== node.nodeValue) match.nodeValue = node.nodeValue
  }
  while (old.childNodes.length > wanted.length) old.lastChild!.remove()
}

/** The share of a bar is set by script: the page's policy refuses styles in attributes. */
function adopt(node: Node): void {
  if (!(node instanceof HTMLElement)) return
  for (const bar of [node, ...node.querySelectorAll<HTMLElement>('[data-share]')])
    if (bar.dataset.share !== undefined) bar.style.setProperty('--share', bar.dataset.share)
}

function findLike(parent: Element, node: Node, from: number): ChildNode | undefined {
  const key = keyOf(node)
  const present = parent.childNodes[from]!
  if (key === undefined) return isLike(present, node) && keyOf(present) === undefined ? present : undefined
  for (let i = from; i < parent.childNodes.length; i++) {
    const child = parent.childNodes[i]!
    if (keyOf(child) === key && isLike(child, node)) return child
  }
  return undefined
}

function isLike(a: Node, b: Node): boolean {
  return a.nodeName === b.nodeName && a.nodeType === b.nodeType
}

function keyOf(node: Node): string | undefined {
  return node instanceof HTMLElement ? node.dataset.key : undefined
}
