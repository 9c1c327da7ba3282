import type { Call, CommandMap, Port, Reply } from '../../../src/engine/port.js'
import { StockholdError, unavailable } from '../../../src/errors.js'
import type { Agenda } from '../../../src/testing/agenda.js'
import type { Faults } from './faults.js'
import type { SimulatedProcess } from './process.js'
import type { Random } from './random.js'
import type { Machine, SimulatedServer } from './server.js'

/** Who looks on. Nothing that happens depends on it. */
export interface Observer {
  sent(process: SimulatedProcess, command: string, ops: readonly object[]): void
  /** Carried out at the server, as the `order`-th batch of all. */
  executed(command: string, ops: readonly object[], call: Call, reply: Reply<unknown>, order: number): void
  /** The process learns of this reply now. */
  answered(process: SimulatedProcess, reply: Reply<unknown>, order: number): void
  note(text: () => string): void
}

interface Exchange {
  readonly process: SimulatedProcess
  readonly settle: (reply: Reply<unknown>, order: number) => void
  readonly fail: (error: StockholdError) => void
}

const RECONNECT_MS = 50
/** A driver gives up waiting for a connection after so long. */
const PATIENCE_MS = 1_000

/**
 * The wire between the processes and the server, for any port. A request may be lost, come late,
 * come two to five times, and overtake others; so may each of its replies. Whichever reply comes
 * first is the answer. A connection that ends loses what was to be answered; what was sent through
 * it may arrive all the same.
 */
export class Network {
  readonly #agenda: Agenda
  readonly #server: SimulatedServer
  readonly #faults: Faults
  readonly #random: Random
  readonly #observer: Observer
  readonly #open = new Set<Exchange>()
  #executions = 0

  constructor(parts: {
    agenda: Agenda
    server: SimulatedServer
    faults: Faults
    random: Random
    observer: Observer
  }) {
    this.#agenda = parts.agenda
    this.#server = parts.server
    this.#faults = parts.faults
    this.#random = parts.random
    this.#observer = parts.observer
    parts.server.onCut(() => this.#cut())
  }

  port<M extends CommandMap<M>>(process: SimulatedProcess, machine: Machine<M>): Port<M> {
    return {
      ready: () => (this.#server.up ? undefined : this.#connect(process)),
      time: () => this.#readClock(process),
      run: (command, ops, call) => this.#exchange(process, machine, command, ops, call),
    }
  }

  async #connect(process: SimulatedProcess): Promise<void> {
    for (let waited = 0; !this.#server.up; waited += RECONNECT_MS) {
      if (waited >= PATIENCE_MS) throw unavailable('The server is away', new Error('away'))
      await process.sleep(RECONNECT_MS)
    }
  }

  /** Some ms old when it is known. */
  async #readClock(process: SimulatedProcess): Promise<number> {
    const now = this.#server.clock()
    await process.sleep(this.#random.whole(1, 20))
    return now
  }

  #exchange<M extends CommandMap<M>, C extends keyof M>(
    process: SimulatedProcess,
    machine: Machine<M>,
    command: C,
    ops: readonly M[C]['op'][],
    call: Call,
  ): Promise<Reply<M[C]['answer']>> {
    const name = String(command)
    return new Promise((resolve, reject) => {
      this.#observer.sent(process, name, ops)
      const exchange: Exchange = {
        process,
        settle: (reply, order) => {
          this.#open.delete(exchange)
          this.#observer.answered(process, reply, order)
          resolve(reply as Reply<M[C]['answer']>)
        },
        fail: (error) => {
          this.#open.delete(exchange)
          reject(error)
        },
      }
      this.#open.add(exchange)
      const copies = this.#befalls('request repeated') ? this.#random.whole(2, 5) : 1
      for (let copy = 1; copy <= copies; copy++) {
        if (this.#befalls('request lost')) {
          this.#observer.note(() => `${process.name} ${name}: lost on the way`)
          continue
        }
        this.#agenda.after(this.#way('request late'), () => {
          if (!this.#server.up) return
          const reply = machine.run(command, ops, call)
          const order = ++this.#executions
          this.#observer.executed(name, ops, call, reply, order)
          this.#reply(exchange, reply, order)
        })
      }
    })
  }

  #reply(exchange: Exchange, reply: Reply<unknown>, order: number): void {
    if (this.#befalls('reply lost')) return
    const cut = this.#befalls('reply cut')
    this.#agenda.after(this.#way('reply late'), () => {
      exchange.process.deliver(() => {
        if (!this.#open.has(exchange)) return
        if (cut) exchange.fail(lost('The connection ended in the middle of a reply'))
        else exchange.settle(reply, order)
      })
    })
  }

  /** Every connection ends. Some drivers say so, some leave their callers waiting. */
  #cut(): void {
    for (const exchange of [...this.#open]) {
      if (this.#random.chance(0.3)) this.#open.delete(exchange)
      else
        this.#agenda.after(this.#random.whole(0, 5), () => {
          exchange.process.deliver(() => {
            if (this.#open.has(exchange)) exchange.fail(lost('The connection ended'))
          })
        })
    }
  }

  /** How long one message takes. */
  #way(late: 'request late' | 'reply late'): number {
    return this.#befalls(late) ? this.#random.whole(20, 5_000) : 1 + this.#random.next() * 5
  }

  #befalls(fault: Parameters<Faults['befalls']>[0]): boolean {
    return this.#faults.befalls(fault, this.#random)
  }
}

function lost(why: string): StockholdError {
  return new StockholdError('UNKNOWN_OUTCOME', why)
}
