import type { Call, CommandMap, Reply } from '../../../src/engine/port.js'
import { type Agenda, EPOCH } from '../../../src/testing/agenda.js'

/** What stands at the server's end of a port: carries a batch out at once, in one step. */
export interface Machine<M extends CommandMap<M>> {
  run<C extends keyof M>(command: C, ops: readonly M[C]['op'][], call: Call): Reply<M[C]['answer']>
}

/**
 * The server: a clock that can be set, and whether it can be reached. What it keeps survives every
 * restart.
 */
export class SimulatedServer {
  readonly #agenda: Agenda
  #ahead = 0
  #up = true
  /** How many times it went away. */
  departures = 0
  #cut: (() => void)[] = []

  constructor(agenda: Agenda) {
    this.#agenda = agenda
  }

  /**
   * Its clock. It can jump; that time never runs backwards all the same is the machine's affair.
   */
  readonly clock = (): number => Math.floor(EPOCH + this.#agenda.now + this.#ahead)

  get up(): boolean {
    return this.#up
  }

  setClock(byMs: number): void {
    this.#ahead += byMs
  }

  /** Nobody reaches it for so long; every connection ends now. */
  goAway(ms: number): void {
    this.#up = false
    this.departures++
    this.cutConnections()
    this.#agenda.after(ms, () => {
      this.#up = true
    })
  }

  comeBack(): void {
    this.#up = true
  }

  onCut(listener: () => void): void {
    this.#cut.push(listener)
  }

  cutConnections(): void {
    for (const listener of this.#cut) listener()
  }
}
