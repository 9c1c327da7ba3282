import { isDeepStrictEqual } from 'node:util'
import type { Answer, Call } from '../model/call.js'
import { carryOut } from '../model/model.js'
import { type Sale, textOf } from '../model/sale.js'

/** A request and its answer. */
export interface Sent {
  readonly handle: number
  readonly call: Call
  readonly answer: Answer
  /** How often it was delivered. */
  readonly times: number
}

const forgetting: ReadonlySet<Call['do']> = new Set(['release', 'refund', 'restock', 'setTotal', 'move'])

/** A handle may repeat the server's `sold_out` for so long, in ms, to requests without a key. */
const SOLD_OUT_MEMORY_MS = 200

/** The `sold_out` answers each handle has heard: what it may repeat without asking. */
export class SoldOutSayings {
  #heard: { handle: number; at: number; answer: Answer }[] = []

  /**
   * What was answered at once; who forgot before and who after remembering is not known, so all is
   * remembered.
   */
  hear(sent: readonly Sent[], at: number): void {
    for (const { handle, call, answer } of sent) {
      const forgets = forgetting.has(call.do) && answer.status !== 'not_found' && answer.status !== 'threw'
      if (forgets || answer.status === 'amended') this.forget(handle)
    }
    for (const each of sent) {
      if (each.answer.status === 'sold_out' && !this.mayRepeat(each, at))
        this.#heard.push({ handle: each.handle, at, answer: each.answer })
    }
  }

  forget(handle: number): void {
    this.#heard = this.#heard.filter((heard) => heard.handle !== handle)
  }

  mayRepeat({ handle, call, answer }: Omit<Sent, 'times'>, now: number): boolean {
    if (call.do !== 'reserve' || call.key !== null) return false
    return this.#heard.some(
      (heard) =>
        heard.handle === handle &&
        now >= heard.at &&
        now < heard.at + SOLD_OUT_MEMORY_MS &&
        isDeepStrictEqual(heard.answer, answer),
    )
  }
}

/** A sale after requests that were carried out in this order. */
interface Explanation {
  readonly after: Sale
  readonly order: readonly Sent[]
}

/** What the answers of a sale are compared by. */
export interface Ear {
  /** The server's time. */
  readonly now: number
  /** Whether the handle may have given this `sold_out` from its memory. */
  mayRepeat(sent: Sent): boolean
  /** Whether `sold_out` may count units as available that a debt will take when they arrive. */
  readonly mayTravel: boolean
}

/**
 * Looks for the orders in which the plain rules give every one of these answers: what is sent at
 * once may be carried out in any order, but as if one after another. Returns one order for each
 * sale that may be the result.
 */
export function explain(before: Sale, sent: readonly Sent[], ear: Ear): Explanation[] {
  if (sent.length === 0) return [{ after: before, order: [] }]
  const all = sent.flatMap((each, i) =>
    outcomes(before, each, ear).flatMap((next) =>
      explain(next, sent.toSpliced(i, 1), ear).map(({ after, order }) => ({
        after,
        order: [each, ...order],
      })),
    ),
  )
  if (all.length < 2) return all
  const found = new Map<string, Explanation>()
  for (const each of all) {
    const text = `${[...each.after.known.keys()]}\n${textOf(each.after)}`
    if (!found.has(text)) found.set(text, each)
  }
  return [...found.values()]
}

/** The states in which this request may leave the sale, given its answer. */
function outcomes(before: Sale, sent: Sent, ear: Ear): Sale[] {
  const { call, answer, times } = sent
  const delivered = (sale: Sale) => carryOut(sale, call, ear.now, sent, answer.reservation?.id ?? '')
  let last = delivered(before)
  for (let i = 1; i < times; i++) last = delivered(last.after)
  const found = isSame(last.answer, answer, ear) ? [last.after] : []
  if (answer.status === 'sold_out' && ear.mayRepeat(sent)) found.push(before)
  return found
}

function isSame(expected: Answer, heard: Answer, { mayTravel }: Ear): boolean {
  const isShort = mayTravel && expected.status === 'sold_out' && heard.status === 'sold_out'
  return isDeepStrictEqual(expected, isShort ? { ...heard, ...whatIsShort(expected) } : heard)
}

function whatIsShort({ sku, available }: Answer) {
  return { sku, available }
}
