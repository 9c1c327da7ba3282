import { isDeepStrictEqual } from 'node:util'
import type { SaleRules } from '../../../src/sale/rules.js'
import type { Answer } from '../../model/call.js'
import { carryOut } from '../../model/model.js'
import { newSale, type Sale, textOf } from '../../model/sale.js'
import type { Operation } from './operation.js'
import { Mentions, type Step, stepsOf, timesOf } from './steps.js'

/** One step of an order that was found, or of the longest that was. */
interface Placed {
  readonly step: Step
  readonly at: number
}

/**
 * An answer that does not fit behind the longest order, and what the rules would have answered
 * there.
 */
export interface Stuck {
  readonly operation: Operation
  readonly byTheRules: Answer | undefined
}

export type Verdict =
  /** This order explains every answer. */
  | { readonly kind: 'explained'; readonly order: readonly Placed[]; readonly tried: number }
  /** No order does. `order` comes farthest; behind it every answer that is due is a wrong one. */
  | {
      readonly kind: 'violated'
      readonly order: readonly Placed[]
      readonly stuck: readonly Stuck[]
      readonly tried: number
    }
  /** The search was given up. */
  | { readonly kind: 'undecided'; readonly tried: number }

/** Where the search is: the sale so far, and what may come next. */
interface Frame {
  readonly sale: Sale
  /** The place, in the order of execution, of the step that changed it. */
  readonly reached: number
  readonly moves: readonly Move[]
  next: number
  /** The move that led here. */
  readonly by: Move | undefined
  readonly answered: number
}

interface Move {
  readonly index: number
  readonly at: number
  readonly after: Sale
}

const ENOUGH = 200_000

/**
 * Looks for an order of the operations in which the plain rules give every answer, and in which
 * whoever returned before another was called comes first: linearizability (Herlihy and Wing, 1990).
 *
 * The search is Wing and Gong's (Testing and verifying concurrent objects, 1993): take any
 * operation that nobody who is yet to be placed returned before, see whether the rules give its
 * answer, go on from the sale behind it, and come back if that leads nowhere. With Lowe's memory
 * (Testing for linearizability, 2017): where the same operations are placed and the sale is the
 * same, the search has been before, and need not go again. What may be left out (executions nobody
 * heard of) is tried only where it changes the sale: otherwise leaving it out is the same. An
 * answer that is right and says that nothing was changed is placed at once. And what was executed
 * first, as far as replies say so, is tried first: so a history that is right is explained in
 * hardly more steps than it has.
 *
 * @param effort How many steps to try at most; the question is NP-complete.
 * @param mentions What the answers tell of the reservations, if more is known of it than these
 *   operations say.
 */
export function linearize(
  operations: readonly Operation[],
  rules: SaleRules,
  effort = ENOUGH,
  mentions = new Mentions(operations),
): Verdict {
  return new Search(operations, rules, mentions).run(effort)
}

class Search {
  readonly #steps: readonly Step[]
  readonly #mentions: Mentions
  readonly #rules: SaleRules
  readonly #placed: Uint8Array
  /** Answered steps by the time their operation returned. */
  readonly #byReturn: readonly number[]
  readonly #failed = new Set<string>()
  #tried = 0

  constructor(operations: readonly Operation[], rules: SaleRules, mentions: Mentions) {
    this.#rules = rules
    this.#steps = stepsOf(operations)
    this.#mentions = mentions
    this.#placed = new Uint8Array(this.#steps.length)
    this.#byReturn = [...this.#steps.keys()]
      .filter((index) => this.#steps[index]!.answered)
      .sort((a, b) => returnOf(this.#steps[a]!) - returnOf(this.#steps[b]!))
  }

  run(effort: number): Verdict {
    const sale = { ...newSale(this.#rules), households: householdsIn(this.#steps) }
    const stack = [this.#frame(sale, 0, undefined, 0)]
    let best: readonly Placed[] = []
    let bestAnswered = -1
    let bestDepth = 0
    let stuck: readonly Stuck[] = []
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      if (top.answered === this.#byReturn.length)
        return { kind: 'explained', order: this.#orderOf(stack), tried: this.#tried }
      // Of those that come as far, the one with the most places taken: the first is in the order of
      // execution.
      if (top.answered > bestAnswered || (top.answered === bestAnswered && stack.length > bestDepth)) {
        bestAnswered = top.answered
        bestDepth = stack.length
        best = this.#orderOf(stack)
        stuck = this.#stuckAt(top.sale)
      }
      const move = top.moves[top.next++]
      if (!move) {
        this.#failed.add(this.#textOf(top.sale))
        if (top.by) this.#placed[top.by.index] = 0
        stack.pop()
        continue
      }
      if (++this.#tried > effort) return { kind: 'undecided', tried: this.#tried }
      this.#placed[move.index] = 1
      if (this.#failed.size > 0 && this.#failed.has(this.#textOf(move.after))) {
        this.#placed[move.index] = 0
        continue
      }
      const { answered, hint } = this.#steps[move.index]!
      // Where nothing was changed, nobody has been passed over.
      const reached = move.after === top.sale ? top.reached : hint
      stack.push(this.#frame(move.after, reached, move, top.answered + (answered ? 1 : 0)))
    }
    return { kind: 'violated', order: best, stuck, tried: this.#tried }
  }

  #frame(sale: Sale, reached: number, by: Move | undefined, answered: number): Frame {
    return { sale, reached, moves: this.#movesFrom(sale, reached), next: 0, by, answered }
  }

  #movesFrom(sale: Sale, reached: number): Move[] {
    const due = this.#firstReturn()
    const moves: Move[] = []
    for (const [index, step] of this.#steps.entries()) {
      if (step.operation.invoked.order > due) break
      if (this.#placed[index]) continue
      for (const at of timesOf(step, sale, this.#mentions)) {
        const { answer, after } = this.#carryOut(sale, step, at)
        if (!(step.answered ? isAnswer(step.operation, answer) : after !== sale)) continue
        const move = { index, at, after }
        // What is right here, and changes nothing wherever it stands, may come here in any order
        // that has it later.
        if (after === sale && step.answered && changesNothing(step.operation)) return [move]
        moves.push(move)
      }
    }
    // In the order of execution. What nobody heard of and was passed over in its turn, since it
    // changed nothing then, comes last.
    const turn = ({ index }: Move) => {
      const { answered, hint } = this.#steps[index]!
      return answered || hint >= reached ? hint : hint + Number.MAX_SAFE_INTEGER / 2
    }
    return moves.sort((a, b) => turn(a) - turn(b) || a.at - b.at)
  }

  #carryOut(sale: Sale, { operation, execution }: Step, at: number) {
    const made = execution?.makes ?? this.#mentions.madeBy(operation)?.id
    const fresh = made ?? `unheard of, ${operation.invoked.order}`
    return carryOut(sale, operation.call, at, operation, fresh)
  }

  /**
   * Whatever was called after this cannot come next: somebody who is not placed had returned
   * before.
   */
  #firstReturn(): number {
    const first = this.#byReturn.find((index) => !this.#placed[index])
    return first === undefined ? Number.POSITIVE_INFINITY : returnOf(this.#steps[first]!)
  }

  #stuckAt(sale: Sale): Stuck[] {
    const due = this.#firstReturn()
    return this.#steps
      .filter((step, i) => step.answered && !this.#placed[i] && step.operation.invoked.order <= due)
      .map((step) => {
        const [at] = timesOf(step, sale, this.#mentions)
        const byTheRules = at === undefined ? undefined : this.#carryOut(sale, step, at).answer
        return { operation: step.operation, byTheRules }
      })
  }

  #orderOf(stack: readonly Frame[]): Placed[] {
    return stack.flatMap(({ by }) => (by ? [{ step: this.#steps[by.index]!, at: by.at }] : []))
  }

  /** What the future depends on: who is placed, as far as that still matters, and the sale. */
  #textOf(sale: Sale): string {
    const placed: number[] = []
    for (const [index, step] of this.#steps.entries()) {
      const over = !step.answered && step.execution !== undefined && step.execution.at < sale.now
      if (this.#placed[index] && !over) placed.push(index)
    }
    return `${placed.join()}\n${textOf(sale)}`
  }
}

/**
 * Buyers never move, so no answer depends on when a request has bound its buyer: before anything
 * else, in a step of its own.
 */
function householdsIn(steps: readonly Step[]): ReadonlyMap<string, string> {
  return new Map(
    steps.flatMap(({ operation: { call } }) =>
      call.do === 'reserve' && call.household !== undefined ? [[call.buyer, call.household] as const] : [],
    ),
  )
}

function returnOf({ operation }: Step): number {
  return operation.returned?.order ?? Number.POSITIVE_INFINITY
}

/** Answers that are given only where nothing is changed. */
const idle: ReadonlySet<string> = new Set([
  'not_found',
  'threw',
  'sold_out',
  'limit_exceeded',
  'key_spent',
  'already_confirmed',
  'already_released',
  'already_refunded',
])

function changesNothing({ call, outcome }: Operation): boolean {
  if (outcome.kind !== 'ok' || call.do === 'control' || call.do === 'stats') return false
  const { status, replayed } = outcome.answer
  // The first id that follows a payment without one is stored.
  if (call.do === 'confirm' && call.paymentId !== null && status !== 'not_found') return false
  if (call.do === 'reserve' && status !== 'reserved') return true
  return call.do === 'get' || replayed === true || idle.has(status)
}

function isAnswer({ outcome }: Operation, answer: Answer): boolean {
  return outcome.kind === 'ok' && isDeepStrictEqual(comparable(answer), comparable(outcome.answer))
}

/** A reservation that nobody was told of has no name here, but a refusal may name it. */
function comparable({ reservations, ...rest }: Answer): object {
  return rest.status === 'limit_exceeded' ? { ...rest, count: (reservations as string[]).length } : rest
}
