import type { Reply, Call as Sending } from '../../../src/engine/port.js'
import { StockholdError } from '../../../src/errors.js'
import type { Agenda } from '../../../src/testing/agenda.js'
import { type Answer, type Call, describeCall } from '../../model/call.js'
import type { Execution, Operation, Outcome, Stamp } from '../history/operation.js'
import type { SimulatedProcess } from './process.js'
import { isOf } from './recognise.js'

/** The new id that a request to transfer brings along. */
function madeBy(op: object): string | undefined {
  return (op as { readonly wish?: { readonly newId: string } | null }).wish?.newId
}

/** An operation under way, or over. */
export interface Recorded {
  readonly process: SimulatedProcess
  readonly call: Call
  readonly invoked: Stamp
  returned: Stamp | undefined
  outcome: Outcome
  /** A request of it has been seen on the wire. */
  sent: boolean
  /** What its requests say. */
  readonly ops: object[]
  readonly executions: Execution[]
  /** It was answered without a question: from the handle's memory of `sold_out`. */
  remembered: boolean
  readonly stoppedMs: number
}

const open: Outcome = { kind: 'unknown', code: 'never settled' }

/**
 * Writes down who asked what, when, and what came of it; and of each request, when it reached the
 * server.
 */
export class Recorder {
  readonly all: Recorded[] = []
  readonly #agenda: Agenda
  readonly #skus: readonly string[]
  readonly #leadsTo: (from: string, to: string) => boolean
  readonly #pending = new Set<Recorded>()
  readonly #byOp = new WeakMap<object, Recorded>()
  #order = 0
  /**
   * The reply each process is just learning of: what settles before the next event was settled by
   * it.
   */
  #latest: { process: SimulatedProcess; now: number; order: number } | undefined

  /**
   * @param skus Of the sale, in the order of their names.
   * @param leadsTo Whether a reservation with the first id has come to have the second.
   */
  constructor(
    agenda: Agenda,
    skus: readonly string[],
    leadsTo: (from: string, to: string) => boolean = (from, to) => from === to,
  ) {
    this.#agenda = agenda
    this.#skus = skus
    this.#leadsTo = leadsTo
  }

  get pending(): ReadonlySet<Recorded> {
    return this.#pending
  }

  /**
   * Makes a call for a process and records it. Resolves with the answer, or `undefined` if there
   * was none.
   */
  async record(
    process: SimulatedProcess,
    call: Call,
    send: () => Promise<Answer>,
    over: (operation: Recorded) => void,
  ): Promise<Answer | undefined> {
    const operation: Recorded = {
      process,
      call,
      invoked: this.#stamp(),
      returned: undefined,
      outcome: open,
      // An update that changes nothing is answered by what was read, and a removal has other steps.
      sent: call.do === 'update' || call.do === 'destroy',
      ops: [],
      executions: [],
      remembered: false,
      stoppedMs: process.stoppedMs,
    }
    this.all.push(operation)
    this.#pending.add(operation)
    try {
      const answer = await send()
      this.#exchange(operation)
      operation.remembered = !operation.sent
      this.#settle(operation, { kind: 'ok', answer, execution: this.#executionOf(operation) })
    } catch (error) {
      this.#settle(operation, this.#outcomeOf(operation, error))
    }
    over(operation)
    return operation.outcome.kind === 'ok' ? operation.outcome.answer : undefined
  }

  /**
   * Of two equal calls under way in a process, either may be the one that is sent. The request was
   * taken for that of the other if this one is answered, and only the other's was executed; or if
   * this one is answered, its own was not executed, and the other has none.
   */
  #exchange(operation: Recorded): void {
    const { process, call, sent, ops, executions } = operation
    if (executions.length > 0 || (sent && ops.length === 0)) return
    const asked = describeCall(call)
    const twin = [...this.#pending].find(
      (other) =>
        other !== operation &&
        other.process === process &&
        other.sent !== sent &&
        (sent || other.executions.length > 0) &&
        describeCall(other.call) === asked,
    )
    if (!twin) return
    const [from, to] = sent ? [operation, twin] : [twin, operation]
    from.sent = false
    to.sent = true
    to.executions.push(...from.executions.splice(0))
    for (const op of from.ops.splice(0)) this.#assign(op, to)
  }

  #assign(op: object, to: Recorded): void {
    to.ops.push(op)
    this.#byOp.set(op, to)
  }

  sent(process: SimulatedProcess, command: string, ops: readonly object[]): void {
    for (const op of ops) {
      if (this.#byOp.has(op)) continue
      const own = [...this.#pending].filter((operation) => operation.process === process)
      const operation =
        own.find(({ sent, call }) => !sent && isOf(call, command, op, this.#skus)) ??
        own.find(({ sent, call }) => sent && this.#goesOn(call, command, op))
      if (!operation) continue
      operation.sent = true
      this.#assign(op, operation)
    }
  }

  /**
   * The reservation was transferred: the call asks for it once more, where it has gone to. Or
   * another update came first.
   */
  #goesOn(call: Call, command: string, op: object): boolean {
    if (call.do === 'update') return isOf(call, command, op, this.#skus)
    const { id } = op as { readonly id?: string }
    if (id === undefined || !('id' in call) || call.id === null || !this.#leadsTo(call.id, id)) return false
    return isOf({ ...call, id }, command, op, this.#skus)
  }

  executed(ops: readonly object[], { deadline }: Sending, reply: Reply<unknown>, order: number): void {
    // After its deadline a command does nothing: that is promised, so it counts as not executed.
    if (reply.outcome !== 'done' || reply.clock > deadline) return
    for (const [i, op] of ops.entries()) {
      if ((reply.answers[i] as Answer).status === 'outdated') continue
      this.#byOp.get(op)?.executions.push({ at: reply.now, order: order + i / 1_000, makes: madeBy(op) })
    }
  }

  answered(process: SimulatedProcess, { now }: Reply<unknown>, order: number): void {
    this.#latest = { process, now, order }
  }

  /** The history so far. What no process will hear of any more has an unknown outcome. */
  history(): Operation[] {
    return this.all
      .filter(({ remembered }) => !remembered)
      .map(({ process, call, invoked, returned, outcome, executions }) => {
        const heard = outcome.kind === 'ok' ? outcome.execution : undefined
        const silent = executions.filter(({ order }) => order !== heard?.order)
        // Which step of a removal has decided is not looked at.
        const known = call.do === 'destroy' ? undefined : silent
        return { process: process.name, call, invoked, returned, outcome, silent: known }
      })
  }

  #settle(operation: Recorded, outcome: Outcome): void {
    this.#pending.delete(operation)
    operation.outcome = outcome
    operation.returned = this.#stamp()
  }

  #executionOf(operation: Recorded): Execution | undefined {
    const latest = this.#latest
    if (operation.remembered || !latest || latest.process !== operation.process) return undefined
    if (operation.call.do === 'destroy') return undefined
    const known = operation.executions.find(({ order }) => Math.floor(order) === latest.order)
    return known ?? { at: latest.now, order: latest.order }
  }

  #outcomeOf(operation: Recorded, error: unknown): Outcome {
    if (!(error instanceof StockholdError)) {
      if (error instanceof Impatience) return { kind: 'fail', code: 'aborted before it was sent' }
      throw error
    }
    if (error.code === 'IDEMPOTENCY_CONFLICT') {
      const answer = { status: 'threw', code: error.code }
      return { kind: 'ok', answer, execution: this.#executionOf(operation) }
    }
    // The index has decided, at a time of its own. A process that has not seen the sale cannot tell
    // one that was removed from one that never was.
    if (error.code === 'NOT_FOUND') {
      const isRemoval = operation.call.do === 'destroy'
      return {
        kind: 'ok',
        answer: isRemoval ? { status: 'destroyed' } : { status: 'threw', code: error.code },
      }
    }
    // It may have been decided all the same.
    if (operation.call.do === 'destroy') return { kind: 'unknown', code: error.code }
    return { kind: error.code === 'UNKNOWN_OUTCOME' ? 'unknown' : 'fail', code: error.code }
  }

  #stamp(): Stamp {
    return { order: ++this.#order, ms: Math.round(this.#agenda.now * 10) / 10 }
  }
}

/** Why a caller that aborts does so. */
export class Impatience extends Error {}
