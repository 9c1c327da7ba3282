import type { Details, Head } from '../define-port.js'
import type { Writer } from '../msgpack.js'

/** Writes `{ incarnation, attempt }` of each item. */
export function writeAttempts(
  ops: readonly { readonly incarnation: string; readonly attempt: number }[],
  to: Writer,
): void {
  to.array(ops.length)
  for (const { incarnation, attempt } of ops) {
    to.array(2)
    to.text(incarnation)
    to.integer(attempt)
  }
}

/** Writes a list of texts. */
export function writeTexts(texts: readonly string[], to: Writer): void {
  to.array(texts.length)
  for (const text of texts) to.text(text)
}

/** What was inspected: incarnation and state by its letter; `undefined`: nothing is there. */
export function readInspected<S>(from: Details, states: Readonly<Record<string, S>>) {
  if (Number(from.next()) === 0) return undefined
  const incarnation = String(from.next())
  return { status: 'found', incarnation, state: states[String(from.next())]! } as const
}

/** Replies of commands without a history have no head. */
export function noHead(): Head {
  throw new RangeError('the reply has an unknown shape')
}
