import { drawCall } from './plan.js'
import type { SimulatedProcess } from './process.js'
import type { Random } from './random.js'
import { Impatience } from './recorder.js'
import type { SaleWorld } from './sale-world.js'

/** The callers of a run, in their processes; where a process dies, another may take its place. */
export class Crowd {
  readonly #sale: SaleWorld
  /** Callers in each process who have not finished. */
  readonly #busy = new Map<SimulatedProcess, number>()

  constructor(sale: SaleWorld) {
    this.#sale = sale
    sale.world.onDeath = (process) => this.#replace(process)
  }

  /** Nobody has anything left to do. */
  get finished(): boolean {
    return [...this.#busy].every(([process, callers]) => callers === 0 || !process.alive)
  }

  enter(process: SimulatedProcess): void {
    const { clients, calls } = this.#sale.plan
    this.#busy.set(process, clients)
    for (let i = 0; i < clients; i++) {
      const random = this.#sale.world.random.fork()
      void this.#client(process, random, calls).then(() => {
        this.#busy.set(process, this.#busy.get(process)! - 1)
      })
    }
  }

  async #client(process: SimulatedProcess, random: Random, calls: number): Promise<void> {
    const { plan } = this.#sale
    await process.sleep(random.whole(0, plan.thinkMs))
    for (let i = 0; i < calls; i++) {
      const call = drawCall(plan, random, this.#sale.known)
      // Some click twice, some ask again when they hear nothing.
      const twice = random.chance(0.1) ? this.#sale.ask(process, call) : undefined
      let answer = await this.#sale.ask(process, call, this.#impatience(process, random))
      for (let again = 0; again < 2 && !answer && random.chance(0.5); again++) {
        await process.sleep(random.whole(0, 20))
        answer = await this.#sale.ask(process, call)
      }
      await twice
      await process.sleep(random.chance(0.3) ? 0 : random.whole(0, plan.thinkMs))
    }
  }

  #impatience(process: SimulatedProcess, random: Random): AbortSignal | undefined {
    if (!random.chance(0.05)) return undefined
    const abort = new AbortController()
    process.timing.after(random.whole(0, 30), () => abort.abort(new Impatience()))
    return abort.signal
  }

  #replace(dead: SimulatedProcess): void {
    const { world } = this.#sale
    const none = world.processes.every((process) => !process.alive)
    if (!none && world.random.chance(0.4)) return
    this.#sale.trace(() => `another process takes the place of ${dead.name}`)
    if (world.processes.length < 8) this.enter(this.#sale.newProcess())
  }
}
