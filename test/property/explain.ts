import { isDeepStrictEqual } from 'node:util'
import { type Operation, Refund, Release, Reserve, Restock } from './operations.js'
import type { Answer, Reference } from './reference.js'

/** A request, what it spoke of, and what came back. */
export interface Sent {
  readonly handle: number
  readonly operation: Operation
  /** Of the reservation it names, or ''. */
  readonly name: string
  readonly answer: Answer
  /** How often it was delivered. */
  readonly times: number
}

/** A handle may repeat the server's `sold_out` for so long, in ms, to requests without a key. */
const SOLD_OUT_MEMORY_MS = 200

/** The `sold_out` answers each handle has heard: what it may repeat without asking. */
export class SoldOutSayings {
  #heard: { handle: number; at: number; answer: Answer }[] = []

  /** What was answered at once; who forgot before and who after remembering is not known, so all is remembered. */
  hear(sent: readonly Sent[], at: number): void {
    for (const { handle, operation, answer } of sent) {
      const forgets =
        operation instanceof Release || operation instanceof Refund || operation instanceof Restock
      if (forgets && answer.status !== 'not_found' && answer.status !== 'threw') this.forget(handle)
    }
    for (const { handle, operation, answer } of sent) {
      if (answer.status === 'sold_out' && !this.mayRepeat({ handle, operation, answer }, at))
        this.#heard.push({ handle, at, answer })
    }
  }

  forget(handle: number): void {
    this.#heard = this.#heard.filter((heard) => heard.handle !== handle)
  }

  mayRepeat(
    { handle, operation, answer }: Pick<Sent, 'handle' | 'operation' | 'answer'>,
    now: number,
  ): boolean {
    if (!(operation instanceof Reserve) || operation.call.key !== undefined) return false
    return this.#heard.some(
      (heard) =>
        heard.handle === handle &&
        now >= heard.at &&
        now < heard.at + SOLD_OUT_MEMORY_MS &&
        isDeepStrictEqual(heard.answer, answer),
    )
  }
}

/**
 * Looks for an order in which the plain rules give every one of these answers: what is sent at once may be carried out in
 * any order, but as if one after another. `undefined` if there is none.
 */
export function explain(
  before: Reference,
  sent: readonly Sent[],
  sayings: SoldOutSayings,
  clock: number,
): { after: Reference; order: readonly Sent[] } | undefined {
  if (sent.length === 0) return { after: before, order: [] }
  for (const [i, each] of sent.entries()) {
    for (const after of outcomes(before, each, sayings, clock)) {
      const rest = explain(after, sent.toSpliced(i, 1), sayings, clock)
      if (rest) return { after: rest.after, order: [each, ...rest.order] }
    }
  }
  return undefined
}

/** The states in which this request may leave the sale, given its answer. */
function outcomes(before: Reference, sent: Sent, sayings: SoldOutSayings, clock: number): Reference[] {
  const { operation, name, answer, times } = sent
  const after = before.clone()
  const fresh = answer.reservation?.id ?? ''
  let predicted = operation.predict(after, name, fresh)
  // A reservation's own request is recognised by its id and gets its own answer; all others are repeats.
  for (let i = 1; i < times && !(operation instanceof Reserve); i++)
    predicted = operation.predict(after, name, fresh)
  const found = isDeepStrictEqual(predicted, answer) ? [after] : []
  if (answer.status === 'sold_out' && sayings.mayRepeat(sent, clock)) found.push(before)
  return found
}
