import type { Engine } from '../../../src/engine/engine.js'
import type { Call as Sending } from '../../../src/engine/port.js'
import type { RemovalCommands } from '../../../src/engine/removal.js'
import type { IndexCommands } from '../../../src/engine/sale-index.js'
import { SaleIndex } from '../../../src/memory-engine/removal/sale-index.js'
import { FlashSale } from '../../../src/sale/flash-sale.js'
import { type Answer, type Call, describeAnswer, describeCall, ShortIds } from '../../model/call.js'
import { send } from '../../model/send.js'
import { demand, Violation } from '../../model/violation.js'
import type { Fault } from './faults.js'
import { leadsTo } from './moves.js'
import type { Observer } from './network.js'
import { drawOperations, NEW_SKU, type Operation } from './operations.js'
import { drawPlan, type Plan } from './plan.js'
import type { SimulatedProcess } from './process.js'
import type { Random } from './random.js'
import { type Recorded, Recorder } from './recorder.js'
import { type SaleMachine, saleMachine } from './sale-machine.js'
import type { Machine } from './server.js'
import { Watch } from './watch.js'
import { World } from './world.js'

/** A bug, put between what is simulated and what it stands on: to see that it is found. */
export interface InjectedBug {
  /** In the index, which decides on a removal. */
  index?(index: SaleIndex): void
  /** At the server. */
  machine?(machine: SaleMachine): SaleMachine
  /** In each process. */
  engine?(engine: Engine, process: SimulatedProcess, random: Random): Engine
}

/** How many partitions a sale may have: mostly one, as most sales. */
const PARTITIONS = [1, 1, 1, 2, 3, 5]

export interface SaleWorldOptions {
  readonly seed: number
  readonly injected: Map<Fault, number>
  readonly bug?: InjectedBug | undefined
  /** Looks into the server after every step. Without it, only what the callers see is checked. */
  readonly watch: boolean
  /** Takes the lines of a trace. */
  readonly trace?: ((line: string) => void) | undefined
}

/** A sale in a simulated world: its handles, and everything that is seen of it. */
export class SaleWorld {
  readonly world: World
  readonly plan: Plan
  /** One for each partition. */
  readonly machines: readonly SaleMachine[]
  /** What an operator does, if there is one. */
  readonly operations: readonly Operation[]
  readonly index = new SaleIndex()
  readonly #removals: readonly Machine<RemovalCommands>[]
  readonly recorder: Recorder
  readonly names = new ShortIds()
  /** The first thing that was seen to be wrong. */
  wrong: Violation | undefined
  readonly #known = new Set<string>()
  readonly #watch: Watch
  readonly #options: SaleWorldOptions
  readonly #handles = new Map<SimulatedProcess, { readonly sale: FlashSale; readonly deadlineMs: number }>()

  constructor(options: SaleWorldOptions) {
    this.#options = options
    this.world = new World(options.seed, options.injected, () => this.#observer())
    this.plan = drawPlan(this.world.random.fork(), PARTITIONS)
    this.operations = drawOperations(options.seed, this.plan)
    const { clock } = this.world.server
    const machines = Array.from({ length: this.plan.rules.partitions! }, (_, index) =>
      saleMachine(clock, index),
    )
    this.#removals = machines.map(({ removal }) => removal)
    this.machines = machines.map((machine) => options.bug?.machine?.(machine) ?? machine)
    options.bug?.index?.(this.index)
    this.#watch = new Watch(this.machines, clock, () => this.world.agenda.now)
    this.recorder = new Recorder(this.world.agenda, [...[...this.plan.skus].sort(), NEW_SKU], (from, to) =>
      leadsTo(this.machines, from, to),
    )
  }

  /** Ids anybody has been told, the latest last. */
  get known(): readonly string[] {
    return [...this.#known]
  }

  /** A process with a handle on the sale. */
  newProcess(deadlineMs = this.plan.deadlineMs): SimulatedProcess {
    const process = this.world.newProcess()
    const plain: Engine = {
      ...this.world.around(process),
      partition: (_, index) => this.world.network.port(process, this.machines[index]!),
      ...(this.operations.length > 0 && { lifecycle: this.#lifecycle(process) }),
      groups: () => {
        throw new Error('Nobody follows the events in this simulation')
      },
      room: () => {
        throw new Error('There is no waiting room in this simulation')
      },
    }
    const engine = this.#options.bug?.engine?.(plain, process, this.world.random.fork()) ?? plain
    this.#handles.set(process, { sale: new FlashSale('sale', { engine, deadlineMs }), deadlineMs })
    return process
  }

  /** The index has decided: the sale is removed. */
  get isRemoved(): boolean {
    const answer = this.index.run('list', [{ cursor: '0' }], LOOKING, 0)
    return answer.outcome === 'done' && answer.answers[0]!.entries.some(({ state }) => state !== 'live')
  }

  #lifecycle(process: SimulatedProcess): NonNullable<Engine['lifecycle']> {
    const { network, server } = this.world
    const index: Machine<IndexCommands> = {
      run: (command, ops, call) => this.index.run(command, ops, call, server.clock()),
    }
    return {
      index: network.port(process, index),
      partition: (_, at) => network.port(process, this.#removals[at]!),
      room: () => {
        throw new Error('There is no waiting room in this simulation')
      },
    }
  }

  handle(process: SimulatedProcess): FlashSale {
    return this.#handles.get(process)!.sale
  }

  /** One call, recorded. Never rejects; an answer, or `undefined`. */
  async ask(process: SimulatedProcess, call: Call, signal?: AbortSignal): Promise<Answer | undefined> {
    const sending = () => {
      this.trace(() => `${process.name} > ${describeCall(call)}`)
      return send(this.handle(process), call, signal ? { signal } : {})
    }
    try {
      return await this.recorder.record(process, call, sending, (operation) => this.#over(operation))
    } catch (error) {
      this.fail(Violation.of(error, `${describeCall(call)} failed: `))
      return undefined
    }
  }

  fail(violation: Violation): void {
    this.trace(() => `violation: ${violation.message}`)
    this.wrong ??= violation
  }

  trace(line: () => string): void {
    if (!this.#options.trace) return
    const { agenda, server } = this.world
    this.#options.trace(this.names.within(`${agenda.now.toFixed(3)} (${server.clock()}) ${line()}`))
  }

  #over(operation: Recorded): void {
    const { process, call, outcome, invoked, returned, stoppedMs } = operation
    const answer = outcome.kind === 'ok' ? outcome.answer : undefined
    this.trace(() => {
      const told = answer ? describeAnswer(answer) : outcome.kind === 'ok' ? '' : outcome.code
      return `${process.name} < ${describeCall(call)}: ${told}`
    })
    const took = returned!.ms - invoked.ms
    const { deadlineMs } = this.#handles.get(process)!
    const allowed = deadlineMs + 1_000 + process.stoppedMs - stoppedMs
    demand(took <= allowed, 'deadline', () => `${describeCall(call)} took ${took} ms, allowed are ${allowed}`)
    if (outcome.kind === 'fail')
      demand(expected.has(outcome.code), 'fault', () => `${describeCall(call)} failed with ${outcome.code}`)
    if (operation.remembered) this.#checkMemory(operation, answer!)
    else if (answer?.status === 'sold_out' && call.do === 'reserve' && this.#options.watch)
      this.#watch.soldOut(call.items, answer.sku as string, invoked.ms, returned!.ms)
    if (!answer) return
    if (answer.reservation) this.#known.add(answer.reservation.id)
    if (answer.code === 'NOT_FOUND' || answer.status === 'destroyed') {
      const told = describeAnswer(answer)
      demand(this.isRemoved, 'promise', () => `${describeCall(call)}: ${told}, and the sale is there`)
    }
    if (!this.#options.watch || this.isRemoved) return
    this.#watch.hear(answer)
    this.#watch.look()
  }

  /** A handle may repeat a `sold_out` that is at most 200 ms old, to requests without a key. */
  #checkMemory({ process, call, invoked }: Recorded, answer: Answer): void {
    const since = invoked.ms - 200 - process.stoppedMs
    const heard = this.recorder.all.some(
      ({ process: other, returned, outcome, invoked: { ms } }) =>
        other === process &&
        returned !== undefined &&
        ms >= since &&
        outcome.kind === 'ok' &&
        describeAnswer(outcome.answer) === describeAnswer(answer),
    )
    const allowed = call.do === 'reserve' && call.key === null && answer.status === 'sold_out'
    demand(
      allowed && heard,
      'memory',
      () => `${describeCall(call)}: nobody had told it ${describeAnswer(answer)}`,
    )
  }

  #observer(): Observer {
    return {
      sent: (process, command, ops) => this.recorder.sent(process, command, ops),
      executed: (command, ops, call, reply, order) => {
        this.recorder.executed(ops, call, reply, order)
        this.trace(() => {
          const statuses = reply.outcome === 'done' ? reply.answers.map((a) => (a as Answer).status) : []
          return `server: ${command} at ${reply.now}: ${reply.outcome} ${statuses.join(', ')}`
        })
        if (!this.#options.watch) return
        try {
          if (!this.isRemoved) this.#watch.look()
          else if (command === 'commit') this.#watch.removed(this.operations)
        } catch (error) {
          this.fail(error as Violation)
        }
      },
      answered: (process, reply, order) => this.recorder.answered(process, reply, order),
      note: (line) => this.trace(line),
    }
  }
}

const LOOKING: Sending = {
  ...{ incarnation: null, deadline: Number.MAX_SAFE_INTEGER, minTime: 0, lastSeen: null },
  ...{ batchId: '', bypassFreeze: false },
}

/** Failures that are the faults' own. */
const expected: ReadonlySet<string> = new Set(['UNAVAILABLE', 'aborted before it was sent'])
