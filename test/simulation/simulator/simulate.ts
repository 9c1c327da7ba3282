import { StockholdError } from '../../../src/errors.js'
import type { FlashSale } from '../../../src/sale/flash-sale.js'
import type { SaleRules } from '../../../src/sale/rules.js'
import { describeCall } from '../../model/call.js'
import { demand, Violation, type ViolationKind } from '../../model/violation.js'
import { checkHistory } from '../history/check.js'
import { Crowd } from './crowd.js'
import type { Fault } from './faults.js'
import { Liveness } from './liveness.js'
import { Operator } from './operator.js'
import { over } from './over.js'
import { type InjectedBug, SaleWorld } from './sale-world.js'

export interface SimulateOptions {
  readonly seed: number
  readonly bug?: InjectedBug | undefined
  /**
   * Look into the server after every step. Without it only what callers see is checked. @default
   * true
   */
  readonly watch?: boolean
  /** A history that nothing explains is told as it is, and not shrunk. @default false */
  readonly asFound?: boolean
  /** Takes the lines of a trace, in order. The same seed gives the same lines. */
  readonly trace?: ((line: string) => void) | undefined
}

export interface Simulated {
  readonly seed: number
  /** Calls that were made, by what came of them. */
  readonly operations: { readonly ok: number; readonly fail: number; readonly unknown: number }
  /** Statuses that were answered, `Command status`. */
  readonly answers: ReadonlySet<string>
  readonly injected: ReadonlyMap<Fault, number>
  /** ms that passed in the simulated world. */
  readonly simulatedMs: number
  /** The history could not be decided within the effort allowed. */
  readonly undecided: boolean
  readonly violation: { readonly kind: ViolationKind; readonly report: string } | undefined
}

/** The crowd is sent home after so much simulated time. */
const LONGEST_MS = 60_000
/** Nothing that was sent is on its way for longer. */
const STRAGGLERS_MS = 10_500

/**
 * Plays one sale in a simulated world in which nearly everything fails: messages are lost, late and
 * repeated, processes die and stop, clocks leap, the server goes away. The client side of the
 * library is the real one; network, clocks and server are simulated, so a run takes about ten ms
 * and its seed repeats it exactly. While the faults last, every answer must follow from the rules
 * of the sale; after them, every call must get through.
 */
export async function simulate({
  seed,
  bug,
  watch = true,
  asFound = false,
  trace,
}: SimulateOptions): Promise<Simulated> {
  const injected = new Map<Fault, number>()
  const sale = new SaleWorld({ seed, injected, bug, watch, trace })
  const { world, recorder, plan } = sale
  trace?.(`seed ${seed}, ${JSON.stringify(plan)}`)
  trace?.(`faults: ${world.faults}`)
  let undecided = false
  try {
    await play(sale)
    // Each partition has a time of its own: only of one can a single history be told.
    if (!sale.wrong && plan.rules.partitions === 1) {
      const verdict = checkHistory(recorder.history(), plan.rules, asFound)
      undecided = verdict.kind === 'undecided'
      if (verdict.kind === 'violated') throw new Violation('history', verdict.report(sale.names))
    }
  } catch (error) {
    sale.fail(Violation.of(error))
  }
  const { wrong } = sale
  const operations = { ok: 0, fail: 0, unknown: 0 }
  const answers = new Set<string>()
  for (const { outcome, call } of recorder.all) {
    operations[outcome.kind]++
    if (outcome.kind === 'ok') answers.add(`${call.do} ${outcome.answer.status}`)
  }
  return {
    seed,
    operations,
    answers,
    injected,
    simulatedMs: world.agenda.now,
    undecided,
    violation: wrong && { kind: wrong.kind, report: report(sale, wrong) },
  }
}

async function play(sale: SaleWorld): Promise<void> {
  const { world, plan } = sale
  const { agenda } = world
  const crowd = new Crowd(sale)
  const processes = Array.from({ length: plan.processes }, () => sale.newProcess())
  // Somebody creates the sale before anything can fail; that is what everything else is about.
  await over(sale, created(sale.handle(processes[0]!), plan.rules))
  for (const process of processes) crowd.enter(process)
  const operator = new Operator(sale)
  void operator.work()
  const isQuiet = () => crowd.finished && operator.finished
  world.beginFaults()
  await agenda.play(() => sale.wrong !== undefined || isQuiet() || agenda.now > LONGEST_MS)
  if (sale.wrong) return
  world.stopFaults()
  const end = agenda.now + STRAGGLERS_MS
  agenda.after(STRAGGLERS_MS, () => {})
  await agenda.play(() => sale.wrong !== undefined || (agenda.now >= end && isQuiet()))
  for (const { process, call, invoked } of sale.recorder.pending)
    demand(!process.alive, 'deadline', () => `${describeCall(call)} of ${invoked.ms} ms was never settled`)
  if (sale.wrong) return
  const liveness = new Liveness(sale)
  await over(sale, sale.isRemoved ? liveness.proveRemoved() : liveness.prove())
}

/** A short deadline may be over before all of a sale is made. */
async function created(sale: FlashSale, rules: SaleRules): Promise<void> {
  for (;;) {
    const error = await sale.create(rules).catch((thrown: unknown) => thrown)
    if (!(error instanceof Error)) return
    if (!(error instanceof StockholdError && error.retryable)) throw error
  }
}

function report({ plan, world, names }: SaleWorld, wrong: Violation): string {
  const cause = wrong.cause instanceof Error ? `\n${wrong.cause.stack}` : ''
  const head = `After ${world.agenda.now.toFixed(1)} ms. Faults: ${world.faults}.`
  const rules = wrong.kind === 'history' ? '' : `\nsale ${JSON.stringify(plan.rules)}`
  return `${head}${rules}\n${names.within(wrong.message)}${cause}`
}
