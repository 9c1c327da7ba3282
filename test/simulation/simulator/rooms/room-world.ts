import type { Engine } from '../../../../src/engine/engine.js'
import { StockholdError } from '../../../../src/errors.js'
import { FlashSale } from '../../../../src/sale/flash-sale.js'
import { WaitingRoom } from '../../../../src/waiting-room/waiting-room.js'
import { demand, Violation } from '../../../model/violation.js'
import type { SimulatedProcess } from '../process.js'
import type { Random } from '../random.js'
import { type SaleMachine, saleMachine } from '../sale-machine.js'
import { World } from '../world.js'
import { expected, lasting, type Outcome, type Pending, tell } from './outcome.js'
import { RoomLedger, type Span } from './room-ledger.js'
import { type RoomMachine, roomMachine } from './room-machine.js'
import { roomObserver } from './room-observer.js'
import type { RoomWorldOptions } from './room-options.js'
import { drawRoomPlan, type RoomPlan, TIERS } from './room-plan.js'
import { accountOf } from './room-snapshot.js'
import { RoomWatch } from './room-watch.js'

interface Handles {
  readonly room: WaitingRoom
  readonly sale: FlashSale | undefined
  /** A call has been answered here: since then it is known how the room stands. */
  knows: boolean
}

/**
 * A waiting room in a simulated world, perhaps before a sale: its handles, and everything that is
 * seen of it.
 */
export class RoomWorld {
  readonly world: World
  readonly plan: RoomPlan
  readonly buyers: readonly string[]
  readonly machine: RoomMachine
  readonly sale: SaleMachine | undefined
  readonly ledger: RoomLedger
  /** Calls by what came of them, and what was answered. */
  readonly operations = { ok: 0, fail: 0, unknown: 0 }
  readonly answers = new Set<string>()
  readonly pending = new Set<Pending>()
  wrong: Violation | undefined
  readonly #options: RoomWorldOptions
  readonly #handles = new Map<SimulatedProcess, Handles>()

  constructor(options: RoomWorldOptions) {
    this.#options = options
    this.world = new World(options.seed, options.injected, () =>
      roomObserver(
        (line) => this.trace(line),
        () => this.#sampleSale(),
      ),
    )
    const plan = drawRoomPlan(this.world.random.fork())
    this.plan = options.tiers ? { ...plan, creation: { ...plan.creation, tiers: TIERS } } : plan
    // A process counts the server's time on since it last heard. Where its clock leaps, it may take
    // a reading of the stock for a later one than it is: nothing is oversold, but for that long too
    // many passes may be out.
    if (this.plan.sale) this.world.faults.leaveOut('process clock leaps')
    this.buyers = Array.from({ length: this.plan.visitors }, (_, i) => `v${i + 1}`)
    const { clock } = this.world.server
    this.sale = this.plan.sale ? saleMachine(clock) : undefined
    const machine = roomMachine(clock, this.world.random.fork())
    const changed = options.bug?.machine?.(machine) ?? machine
    this.machine = options.watch ? this.#watched(changed) : changed
    this.ledger = new RoomLedger(this.plan)
    this.world.onDeath = (process) => this.#died(process)
  }

  newProcess(): SimulatedProcess {
    const process = this.world.newProcess()
    const { network, random } = this.world
    const plain: Engine = {
      ...this.world.around(process),
      partition: () => network.port(process, this.sale!),
      groups: () => {
        throw new Error('Nobody follows the events in this simulation')
      },
      room: () => network.port(process, this.machine),
    }
    const engine = this.#options.bug?.engine?.(plain, process, random.fork()) ?? plain
    const { ratePerSecond, burst, claimMs, passMs, overcommit, maxActive, onUnavailable, deadlineMs } =
      this.plan
    const room = new WaitingRoom('room', {
      ...{
        engine,
        secret: SECRET,
        ratePerSecond,
        burst,
        claimMs,
        passMs,
        overcommit,
        maxActive,
        onUnavailable,
        deadlineMs,
      },
      ...(this.plan.sale ? { sale: 'sale' } : {}),
    })
    const sale = this.plan.sale ? new FlashSale('sale', { engine, deadlineMs, waitingRoom: room }) : undefined
    this.#handles.set(process, { room, sale, knows: false })
    return process
  }

  room(process: SimulatedProcess): WaitingRoom {
    return this.#handles.get(process)!.room
  }

  saleAt(process: SimulatedProcess): FlashSale {
    return this.#handles.get(process)!.sale!
  }

  /** Somebody's call, to whatever process answers the phone. */
  anyProcess(random: Random): SimulatedProcess | undefined {
    const running = this.world.processes.filter((process) => process.running)
    return running.length === 0 ? undefined : random.pick(running)
  }

  /**
   * One call, recorded. Never rejects.
   *
   * @param patient It waits for something to happen, and has no deadline.
   */
  async call<T>(
    process: SimulatedProcess,
    name: string,
    make: (span: Span) => Promise<T>,
    { patient = false, heard = (_: T, __: Span) => {} } = {},
  ): Promise<Outcome<T>> {
    const span = this.#span(process)
    const { stoppedMs } = process
    this.trace(() => `${process.name} > ${name}`)
    const outcome = await new Promise<Outcome<T>>((resolve) => {
      const pending: Pending = { name, span, lose: () => resolve({ kind: 'lost' }) }
      if (!patient) this.pending.add(pending)
      const settle = (settled: Outcome<T>) => {
        this.pending.delete(pending)
        if (process.alive) resolve(settled)
      }
      this.#alive.add(pending)
      make(span)
        .then(
          (value) => settle({ kind: 'ok', value }),
          (error: unknown) => settle(this.#failure(name, error)),
        )
        .finally(() => this.#alive.delete(pending))
    })
    this.trace(() => `${process.name} < ${name}: ${tell(outcome)}`)
    try {
      const took = this.world.agenda.now - span.from
      const allowed = this.plan.deadlineMs + 1_000 + process.stoppedMs - stoppedMs
      if (!patient && outcome.kind !== 'lost')
        demand(
          took <= allowed,
          'deadline',
          () => `${name} took ${Math.round(took)} ms, allowed are ${allowed}`,
        )
      this.#note(process, name, outcome)
      if (outcome.kind === 'ok') {
        span.to = this.world.agenda.now
        span.serverTo = this.serverNow
        heard(outcome.value, span)
      } else if (outcome.kind === 'fail' && outcome.code === 'UNAVAILABLE') {
        // Nothing was done, and nothing will be.
        span.to = this.world.agenda.now
      }
    } catch (error) {
      this.fail(error)
    }
    return outcome
  }

  /** The latest time at which something was changed in the room. */
  get serverNow(): number {
    return this.machine.room?.time.now ?? 0
  }

  fail(error: unknown): void {
    const violation = Violation.of(error)
    this.trace(() => `violation: ${violation.message}`)
    this.wrong ??= violation
  }

  trace(line: () => string): void {
    const { agenda, server } = this.world
    this.#options.trace?.(`${agenda.now.toFixed(3)} (${server.clock()}) ${line()}`)
  }

  readonly #alive = new Set<Pending>()

  #span(process: SimulatedProcess): Span {
    const { now } = this.world.agenda
    const never = Number.POSITIVE_INFINITY
    return { process, from: now, serverFrom: this.serverNow, to: never, serverTo: never }
  }

  #note(process: SimulatedProcess, name: string, outcome: Outcome<unknown>): void {
    const [verb] = name.split(' ')
    const handles = this.#handles.get(process)!
    if (outcome.kind === 'lost') this.operations.unknown++
    else if (outcome.kind === 'ok') {
      this.operations.ok++
      const status = (outcome.value as { status?: string } | undefined)?.status
      this.answers.add(`${verb} ${status ?? 'done'}`)
      // To tell a buyer that they are blocked, the room is not read.
      if ((verb === 'join' && status !== 'blocked') || verb === 'poll' || verb === 'stats')
        handles.knows = true
    } else {
      this.operations[outcome.code === 'UNKNOWN_OUTCOME' ? 'unknown' : 'fail']++
      this.answers.add(`${verb} ${outcome.code}`)
      const isPoll = verb === 'poll' || verb === 'update'
      const allowed = isPoll && handles.knows && this.plan.onUnavailable === 'hold' ? lasting : expected
      demand(allowed.has(outcome.code), 'fault', () => `${name} failed with ${outcome.code}`)
    }
  }

  #failure(name: string, error: unknown): Outcome<never> {
    if (error instanceof StockholdError) return { kind: 'fail', code: error.code }
    this.fail(new Violation('fault', `${name} failed: ${error}`, { cause: error }))
    return { kind: 'fail', code: String(error) }
  }

  #died(process: SimulatedProcess): void {
    // Their browsers notice.
    for (const pending of [...this.#alive]) {
      if (pending.span.process !== process) continue
      this.#alive.delete(pending)
      this.pending.delete(pending)
      this.world.agenda.after(20, pending.lose)
    }
    const others = this.world.processes.some(({ alive }) => alive)
    if (others && this.world.random.chance(0.4)) return
    if (this.world.processes.length < 7 || !others) this.newProcess()
  }

  #watched(machine: RoomMachine): RoomMachine {
    const { agenda } = this.world
    const everybody = [...this.buyers, ...this.buyers.map(accountOf)]
    const watch = new RoomWatch(machine, this.sale, everybody, () => agenda.now)
    this.#sampleSale = () => watch.sample()
    return {
      get room() {
        return machine.room
      },
      run: (command, ops, call) => {
        const reply = machine.run(command, ops, call)
        try {
          const clock = reply.outcome === 'done' ? reply.clock : reply.now
          watch.look(String(command), ops, reply.now, clock > call.deadline)
          if (command === 'tend' && reply.outcome === 'done')
            watch.answered(ops as never, reply.answers as never)
        } catch (error) {
          this.fail(error)
        }
        return reply
      },
    }
  }

  #sampleSale = () => {}
}

const SECRET = 'thirty-two bytes that anybody may know'
