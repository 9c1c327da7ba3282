import type { Reservation } from '../../../src/sale/results.js'
import type { Sale } from '../../model/sale.js'
import type { Execution, Operation } from './operation.js'

/**
 * A place an operation may take in the order: the execution that was answered, or one that nobody
 * heard of.
 */
export interface Step {
  readonly operation: Operation
  readonly answered: boolean
  /** When it was executed; `undefined` if that is not known. */
  readonly execution: Execution | undefined
  /** What to try first. */
  readonly hint: number
}

/**
 * An operation that failed took no place. One that was answered took at least the place of its
 * answer; beyond it, and for one whose outcome is unknown, there are the places of its silent
 * executions, each of which may be left out.
 */
export function stepsOf(operations: readonly Operation[]): Step[] {
  const steps = operations.flatMap((operation): Step[] => {
    const { outcome, silent } = operation
    if (outcome.kind === 'fail') return []
    const quiet = (execution?: Execution): Step => ({
      operation,
      answered: false,
      execution,
      hint: execution?.order ?? operation.invoked.order,
    })
    const silents = silent?.map(quiet) ?? (outcome.kind === 'unknown' ? [quiet()] : [])
    if (outcome.kind === 'unknown') return silents
    const { execution } = outcome
    return [
      { operation, answered: true, execution, hint: execution?.order ?? operation.invoked.order },
      ...silents,
    ]
  })
  return steps.sort((a, b) => a.operation.invoked.order - b.operation.invoked.order)
}

/** What all the answers together tell of each reservation, first of all its name. */
export class Mentions {
  readonly #byKey = new Map<string, Reservation>()
  readonly #byRequest = new Map<number, Reservation>()

  constructor(operations: readonly Operation[]) {
    for (const { call, invoked, outcome } of operations) {
      if (outcome.kind !== 'ok') continue
      const { reservation, replayed } = outcome.answer
      if (!reservation) continue
      const makes = call.do === 'reserve' || call.do === 'transfer'
      if (makes && replayed === false) this.#byRequest.set(invoked.order, reservation)
      if (reservation.key === null) continue
      const name = JSON.stringify([reservation.buyer, reservation.key])
      if (!this.#byKey.has(name)) this.#byKey.set(name, reservation)
    }
  }

  /** The reservation this request made, if it made one and anybody heard of it. */
  madeBy({ call, invoked }: Operation): Reservation | undefined {
    const own = this.#byRequest.get(invoked.order)
    if (own || call.do !== 'reserve' || call.key === null) return own
    return this.#byKey.get(JSON.stringify([call.buyer, call.key]))
  }
}

/**
 * The server's times at which a step may have been carried out on this sale, the first one first.
 *
 * What is known of time, and why it may be used. Every reply carries the server's `now`, by which
 * the whole batch was decided: an answer was given at exactly that time, so nothing else need be
 * tried. Each change is kept with its time, and `now` is never before it: a step is possible only
 * at or after the latest change, and after a change at 7 nothing happens at 5. It is no use to
 * order what changed nothing: the server's clock may be set back, and then an answer at 9 may come
 * before a change at 8. The caller's own clock says nothing of the server's, so it only orders
 * calls: who returned before another was called.
 *
 * Where the time of an execution is not known, only the moments matter at which an answer could
 * change: as early as possible, when the sale opens or closes, when a hold expires, and what the
 * answers say of `createdAt` and `expiresAt`.
 */
export function timesOf({ operation, execution }: Step, sale: Sale, mentions: Mentions): readonly number[] {
  if (execution) return execution.at >= sale.now ? [execution.at] : []
  const { call, outcome } = operation
  const made = mentions.madeBy(operation)
  const times = [sale.now]
  for (const { opensAt, closesAt } of [sale.present, ...sale.present.own.values()])
    times.push(opensAt ?? 0, closesAt ?? 0)
  for (const { reservation } of sale.known.values())
    if (reservation.state === 'held') times.push(reservation.expiresAt)
  if (made) times.push(made.createdAt)
  if (call.do === 'extend' && outcome.kind === 'ok' && outcome.answer.reservation)
    times.push(outcome.answer.reservation.expiresAt - call.holdMs)
  return [...new Set(times)].filter((time) => time >= sale.now).sort((a, b) => a - b)
}
